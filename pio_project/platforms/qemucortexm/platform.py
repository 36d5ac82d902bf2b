"""Which packages the platform needs: none, where Arm's compiler is installed already."""

import shutil

from platformio.public import PlatformBase


class QemucortexmPlatform(PlatformBase):
    """Takes arm-none-eabi-gcc from PATH; without one PlatformIO downloads its own."""

    def configure_default_packages(self, variables, targets):
        if not shutil.which("arm-none-eabi-g++"):
            self.packages["toolchain-gccarmnoneeabi"]["optional"] = False
        return super().configure_default_packages(variables, targets)
