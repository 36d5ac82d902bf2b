// TFLM's arena, with a safe answer to kernels that do not check their memory.
#ifndef TFLM_TRAIN_TFLM_GUARDED_ARENA_H_
#define TFLM_TRAIN_TFLM_GUARDED_ARENA_H_

#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
#include "tensorflow/lite/micro/compatibility.h"

namespace tflm_train {

/// TFLM aborts, or writes through a null pointer, when a kernel or the allocator itself finds the arena full while a
/// model is prepared. This arena then hands out a spare area instead and remembers that it did: preparation runs to its
/// end and is refused there. Nothing of the spare area may be in use before.
class GuardedArena : public tflite::SingleArenaBufferAllocator {
 public:
  GuardedArena(uint8_t* arena, size_t arena_size, uint8_t* spare, size_t spare_size)
      : tflite::SingleArenaBufferAllocator(arena, arena_size), arena_(arena), spare_(spare), spare_size_(spare_size) {}
  ~GuardedArena() override = default;

  uint8_t* AllocatePersistentBuffer(size_t size, size_t alignment) override {
    uint8_t* buffer = tflite::SingleArenaBufferAllocator::AllocatePersistentBuffer(size, alignment);
    if (buffer != nullptr) return buffer;
    missing_bytes_ += size;
    return Spare(size);
  }

  uint8_t* AllocateTemp(size_t size, size_t alignment) override {
    // TFLM's planner takes all that is left, however little it needs.
    const bool planner = size == GetAvailableMemory(alignment) && size != sizeof(TfLiteTensor);
    uint8_t* buffer = tflite::SingleArenaBufferAllocator::AllocateTemp(size, alignment);
    if (buffer == nullptr) return Spare(size);
    if (planner) return buffer;
    const size_t used = static_cast<size_t>(buffer + size - arena_) + GetPersistentUsedBytes();
    if (used > most_used_) most_used_ = used;
    return buffer;
  }

  void DeallocateTemp(uint8_t* buffer) override {
    if (buffer < spare_ || buffer >= spare_ + spare_size_) tflite::SingleArenaBufferAllocator::DeallocateTemp(buffer);
  }

  TfLiteStatus ResizeBuffer(uint8_t* buffer, size_t size, size_t alignment) override {
    return Note(tflite::SingleArenaBufferAllocator::ResizeBuffer(buffer, size, alignment));
  }

  TfLiteStatus ReserveNonPersistentOverlayMemory(size_t size, size_t alignment) override {
    return Note(tflite::SingleArenaBufferAllocator::ReserveNonPersistentOverlayMemory(size, alignment));
  }

  /// Whether the arena was too small at any time.
  bool exhausted() const { return exhausted_; }
  /// The most bytes at a time in which kernels had something temporary: more than what stays where a kernel with many
  /// tensors is prepared for a small model.
  size_t most_used_bytes() const { return most_used_; }
  /// Bytes that were to stay and found no place.
  size_t missing_bytes() const { return missing_bytes_; }
  /// The spare area goes back to its owner: from now on a full arena answers with null.
  void Seal() { spare_size_ = 0; }

 private:
  uint8_t* Spare(size_t size) {
    exhausted_ = true;
    if (size > spare_size_) return nullptr;
    if (size > spare_size_ - spare_used_) spare_used_ = 0;
    uint8_t* buffer = spare_ + spare_used_;
    spare_used_ += (size + 15) / 16 * 16;
    if (spare_used_ > spare_size_) spare_used_ = spare_size_;
    return buffer;
  }

  TfLiteStatus Note(TfLiteStatus status) {
    if (status != kTfLiteOk) exhausted_ = true;
    return status;
  }

  uint8_t* arena_;
  size_t most_used_ = 0;
  uint8_t* spare_;
  size_t spare_size_;
  size_t spare_used_ = 0;
  size_t missing_bytes_ = 0;
  bool exhausted_ = false;

  TF_LITE_REMOVE_VIRTUAL_DELETE
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TFLM_GUARDED_ARENA_H_
