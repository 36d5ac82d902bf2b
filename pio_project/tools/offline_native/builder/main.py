"""Builds a program for this machine; `pio run -t exec` runs it."""

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
env.Replace(CC="gcc", CXX="g++", AR="gcc-ar", RANLIB="gcc-ranlib")
program = env.BuildProgram()
env.AddPlatformTarget(
    "exec", program, env.VerboseAction("$SOURCE $PROGRAM_ARGS", "Executing $SOURCE"), "Execute", "Run the program"
)
AlwaysBuild(env.Alias("size", program, env.VerboseAction("$SIZEPRINTCMD", "Calculating size $SOURCE")))
Default([program])
