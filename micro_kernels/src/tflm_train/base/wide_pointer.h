// A pointer that takes eight bytes on every target.
#ifndef TFLM_TRAIN_BASE_WIDE_POINTER_H_
#define TFLM_TRAIN_BASE_WIDE_POINTER_H_

namespace tflm_train {

/// Makes objects that hold pointers equally large on 32 and 64 bit, so that their size can be stated at conversion.
template <class T>
class alignas(8) WidePointer {
 public:
  constexpr WidePointer(T* pointer = nullptr) : pointer_(pointer) {}  // NOLINT: converts like a pointer
  constexpr operator T*() const { return pointer_; }                  // NOLINT
  constexpr T* operator->() const { return pointer_; }

 private:
  T* pointer_;
};

static_assert(sizeof(WidePointer<void>) == 8);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_BASE_WIDE_POINTER_H_
