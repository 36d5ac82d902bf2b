#include "tflm_train/runtime/top_k.h"

#include <cmath>

#include "tflm_train/kernels/build_config.h"

namespace tflm_train {
namespace {

// Up to this k a sorted list of the best so far is cheaper than partitioning.
constexpr uint32_t kInsertionLimit = 12;
constexpr uint32_t kFewElements = 64;

// A list is shorter than the error where at most one in so many elements goes on. Else the error is read past its zeros.
constexpr uint32_t kPrunedPart = 8;

template <class ListIndex>
uint32_t Gather(const float* delta, uint32_t elements, ListIndex* list, float* sum) {
  uint32_t count = 0;
  float total = 0.0f;
  for (uint32_t i = 0; i < elements; ++i) {
    if (MagnitudeKey(delta + i) == 0) continue;
    total += std::fabs(delta[i]);
    list[count++] = static_cast<ListIndex>(i);
  }
  *sum = total;
  return count;
}

using Index = uint16_t;

void SortAscending(Index* list, uint32_t count) {
  for (uint32_t i = 1; i < count; ++i) {
    const Index index = list[i];
    uint32_t position = i;
    for (; position > 0 && list[position - 1] > index; --position) list[position] = list[position - 1];
    list[position] = index;
  }
}

/// Keeps list[0, k) sorted, best first, while reading on. The list is ascending, so an equal key comes later and loses. Ascending
/// again at the end.
void InsertLargest(const float* delta, Index* list, uint32_t count, uint32_t k) {
  uint32_t keys[kInsertionLimit];
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Index index = list[i];
    const uint32_t key = MagnitudeKey(delta + index);
    uint32_t position = kept;
    if (kept == k) {
      if (key <= keys[k - 1]) continue;
      position = k - 1;
    } else {
      ++kept;
    }
    for (; position > 0 && keys[position - 1] < key; --position) {
      keys[position] = keys[position - 1];
      list[position] = list[position - 1];
    }
    keys[position] = key;
    list[position] = index;
  }
  SortAscending(list, kept);
}

/// Calls visit(element) for all of them, ascending.
template <class Float, class Visit>
TFLM_TRAIN_ALWAYS_INLINE inline void ForEachElement(Float* delta, uint32_t elements, Visit&& visit) {
  for (; elements >= 4; elements -= 4, delta += 4) {
    visit(delta);
    visit(delta + 1);
    visit(delta + 2);
    visit(delta + 3);
  }
  for (; elements > 0; --elements) visit(delta++);
}

/// The upper halves of the keys of all elements that are not zero.
uint32_t GatherKeys(const float* delta, uint32_t elements, uint16_t* keys, float* sum) {
  uint16_t* next = keys;
  float total = 0.0f;
  ForEachElement(delta, elements, [&](const float* element) TFLM_TRAIN_ALWAYS_INLINE {
    const uint32_t key = MagnitudeKey(element);
    if (key == 0) return;
    total += std::fabs(*element);
    *next++ = static_cast<uint16_t>(key >> 16);
  });
  *sum = total;
  return static_cast<uint32_t>(next - keys);
}

void Swap(uint16_t& a, uint16_t& b) {
  const uint16_t kept = a;
  a = b;
  b = kept;
}

/// The n-th largest (n >= 1) of some keys. Hoare's quickselect with the median of three; permutes them.
uint16_t NthLargest(uint16_t* keys, uint32_t count, uint32_t n) {
  uint16_t *low = keys, *high = keys + count - 1;
  const uint16_t* const target = keys + n - 1;
  while (low < high) {
    uint16_t* const middle = low + (high - low) / 2;
    if (*middle > *low) Swap(*middle, *low);
    if (*high > *low) Swap(*high, *low);
    if (*high > *middle) Swap(*high, *middle);
    const uint16_t pivot = *middle;
    uint16_t *left = low, *right = high;
    while (left <= right) {  // no scan leaves [low, high]: the pivot or what was swapped stops it
      while (*left > pivot) ++left;
      while (*right < pivot) --right;
      if (left <= right) Swap(*left++, *right--);
    }
    if (target <= right) {
      high = right;
    } else if (target >= left) {
      low = left;
    } else {
      break;  // between the two parts: in its place
    }
  }
  return *target;
}

/// Where the k largest end: elements with a key above `key`, and the first `ties` of those that have it.
struct Cut {
  uint32_t key, ties;
  bool Keeps(uint32_t other) {
    if (other != key) return other > key;
    if (ties == 0) return false;
    --ties;
    return true;
  }
};

/// `keys`: from GatherKeys, more than k. With kPrunes, clears elements that are left out, but perhaps not all of them: then
/// *complete is false.
template <bool kPrunes, class Float>
Cut FindCut(Float* delta, uint32_t elements, uint16_t* keys, uint32_t count, uint32_t k, bool* complete) {
  const uint32_t upper = uint32_t{NthLargest(keys, count, k)} << 16;
  // Among the elements with the same upper half the lower ones decide.
  uint16_t* end_same = keys;
  const uint32_t last = upper | 0xffff;
  ForEachElement(delta, elements, [&](Float* element) TFLM_TRAIN_ALWAYS_INLINE {
    const uint32_t key = MagnitudeKey(element);
    if (key > last) {
      --k;
    } else if (key >= upper) {
      *end_same++ = static_cast<uint16_t>(key);
    } else if constexpr (kPrunes) {
      *element = 0.0f;
    }
  });
  const uint32_t same = static_cast<uint32_t>(end_same - keys);
  *complete = same == k;
  const uint32_t lower = NthLargest(keys, same, k);
  for (uint32_t i = 0; i < same; ++i) k -= keys[i] > lower ? 1 : 0;
  return {upper | lower, k};
}

template <class ListIndex>
void ListKept(const float* delta, Cut cut, uint32_t k, ListIndex* list) {
  uint32_t kept = 0;
  for (uint32_t i = 0; kept < k; ++i) {
    if (cut.Keeps(MagnitudeKey(delta + i))) list[kept++] = static_cast<ListIndex>(i);
  }
}

/// Clears the elements that are left out.
void Prune(float* delta, uint32_t elements, Cut cut) {
  for (const float* end = delta + elements; delta != end; ++delta) {
    if (!cut.Keeps(MagnitudeKey(delta))) *delta = 0.0f;
  }
}

uint32_t CountFrom(const float* delta, uint32_t elements, uint32_t key) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < elements; ++i) count += MagnitudeKey(delta + i) >= key ? 1 : 0;
  return count;
}

/// The same for maps that only large machines hold, small before fast: the key is found bit by bit.
Cut FindWideCut(const float* delta, uint32_t elements, uint32_t k) {
  uint32_t last = 0;
  for (uint32_t bit = 1u << 31; bit > 1; bit >>= 1) {
    if (CountFrom(delta, elements, last | bit) >= k) last |= bit;
  }
  return {last, k - CountFrom(delta, elements, last + 1)};
}

/// Lists of so few elements hold indices from the start: the best ones are inserted one by one.
bool ListsIndices(uint32_t elements) { return elements <= kFewElements || IndexBytes(elements) == 4; }

}  // namespace

uint32_t GatherNonZero(const float* delta, uint32_t elements, void* list, float* sum) {
  if (IndexBytes(elements) == 4) return Gather(delta, elements, static_cast<uint32_t*>(list), sum);
  return ListsIndices(elements) ? Gather(delta, elements, static_cast<uint16_t*>(list), sum)
                                : GatherKeys(delta, elements, static_cast<uint16_t*>(list), sum);
}

Selection KeepLargest(const float* delta, uint32_t elements, void* list, uint32_t count, uint32_t k, float* prunable) {
  Selection selection;
  selection.mode = Selection::Mode::kList;
  selection.wide = IndexBytes(elements) == 4;
  selection.count = count < k ? count : k;
  selection.indices = list;
  if (selection.count == 0) return selection;
  if (selection.wide) {
    if (count > k) ListKept(delta, FindWideCut(delta, elements, k), k, static_cast<uint32_t*>(list));
    return selection;
  }
  const auto narrow = static_cast<uint16_t*>(list);
  const bool indices = ListsIndices(elements);
  if (indices && (count <= k || k <= kInsertionLimit)) {
    if (count > k) InsertLargest(delta, narrow, count, k);
    return selection;
  }
  const bool prunes = prunable != nullptr && selection.count >= elements / kPrunedPart;
  Cut cut = {1, 0};  // all that are not zero
  if (count > k) {
    float sum;
    bool complete;
    if (indices) GatherKeys(delta, elements, narrow, &sum);
    cut = prunes ? FindCut<true>(prunable, elements, narrow, count, k, &complete)
                 : FindCut<false>(delta, elements, narrow, count, k, &complete);
    if (prunes && !complete) Prune(prunable, elements, cut);
  }
  if (prunes) {
    selection.mode = Selection::Mode::kNonZero;
  } else {
    ListKept(delta, cut, selection.count, narrow);
  }
  return selection;
}

}  // namespace tflm_train
