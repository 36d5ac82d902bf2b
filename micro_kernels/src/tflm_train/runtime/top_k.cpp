#include "tflm_train/runtime/top_k.h"

namespace tflm_train {
namespace {

// Up to this k a sorted list of the best so far is cheaper than partitioning.
constexpr uint32_t kInsertionLimit = 12;

template <class ListIndex>
uint32_t Gather(const float* delta, uint32_t elements, ListIndex* list, float* sum) {
  uint32_t count = 0;
  float total = 0.0f;
  for (uint32_t i = 0; i < elements; ++i) {
    if (MagnitudeKey(delta + i) == 0) continue;
    total += delta[i] < 0.0f ? -delta[i] : delta[i];
    list[count++] = static_cast<ListIndex>(i);
  }
  *sum = total;
  return count;
}

using Index = uint16_t;

/// Keeps list[0, k) sorted, best first, while reading on. The list is ascending, so an equal key comes later and loses.
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
}

void SortAscending(Index* list, uint32_t count) {
  for (uint32_t i = 1; i < count; ++i) {
    const Index index = list[i];
    uint32_t position = i;
    for (; position > 0 && list[position - 1] > index; --position) list[position] = list[position - 1];
    list[position] = index;
  }
}

struct Candidate {
  uint32_t key;
  uint32_t index;
  bool Precedes(const Candidate& other) const { return key > other.key || (key == other.key && index < other.index); }
};

void Swap(Index& a, Index& b) {
  const Index kept = a;
  a = b;
  b = kept;
}

/// The k-th candidate (k >= 1) in order of magnitude, then index. Hoare's quickselect with the median of three;
/// permutes the list.
Candidate FindKth(const float* delta, Index* list, uint32_t count, uint32_t k) {
  const auto candidate = [&](int32_t position) {
    return Candidate{MagnitudeKey(delta + list[position]), list[position]};
  };
  const int32_t target = static_cast<int32_t>(k) - 1;
  int32_t low = 0, high = static_cast<int32_t>(count) - 1;
  while (low < high) {
    const int32_t middle = low + (high - low) / 2;
    if (candidate(middle).Precedes(candidate(low))) Swap(list[middle], list[low]);
    if (candidate(high).Precedes(candidate(low))) Swap(list[high], list[low]);
    if (candidate(high).Precedes(candidate(middle))) Swap(list[high], list[middle]);
    const Candidate pivot = candidate(middle);
    int32_t left = low, right = high;
    while (left <= right) {  // no scan leaves [low, high]: the pivot or what was swapped stops it
      while (candidate(left).Precedes(pivot)) ++left;
      while (pivot.Precedes(candidate(right))) --right;
      if (left <= right) Swap(list[left++], list[right--]);
    }
    if (target <= right) {
      high = right;
    } else if (target >= left) {
      low = left;
    } else {
      break;  // between the two parts: in its place
    }
  }
  return candidate(target);
}

void Largest(const float* delta, uint32_t elements, Index* list, uint32_t count, uint32_t k) {
  if (k <= kInsertionLimit) {
    InsertLargest(delta, list, count, k);
    SortAscending(list, k);
    return;
  }
  const Candidate last = FindKth(delta, list, count, k);
  uint32_t kept = 0;
  for (uint32_t i = 0; kept < k && i < elements; ++i) {
    const uint32_t key = MagnitudeKey(delta + i);
    if (key > last.key || (key == last.key && i <= last.index)) list[kept++] = static_cast<Index>(i);
  }
}

uint32_t CountFrom(const float* delta, uint32_t elements, uint32_t key) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < elements; ++i) count += MagnitudeKey(delta + i) >= key ? 1 : 0;
  return count;
}

/// The same for maps that only large machines hold, small before fast: the k-th key is found bit by bit.
void LargestWide(const float* delta, uint32_t elements, uint32_t* list, uint32_t k) {
  uint32_t last = 0;
  for (uint32_t bit = 1u << 31; bit > 1; bit >>= 1) {
    if (CountFrom(delta, elements, last | bit) >= k) last |= bit;
  }
  uint32_t ties = k - CountFrom(delta, elements, last + 1);
  uint32_t kept = 0;
  for (uint32_t i = 0; kept < k && i < elements; ++i) {
    const uint32_t key = MagnitudeKey(delta + i);
    if (key < last || (key == last && ties == 0)) continue;
    ties -= key == last ? 1 : 0;
    list[kept++] = i;
  }
}

}  // namespace

uint32_t GatherNonZero(const float* delta, uint32_t elements, void* list, float* sum) {
  return IndexBytes(elements) == 4 ? Gather(delta, elements, static_cast<uint32_t*>(list), sum)
                                   : Gather(delta, elements, static_cast<uint16_t*>(list), sum);
}

Selection KeepLargest(const float* delta, uint32_t elements, void* list, uint32_t count, uint32_t k) {
  Selection selection;
  selection.mode = Selection::Mode::kList;
  selection.wide = IndexBytes(elements) == 4;
  selection.count = count < k ? count : k;
  selection.indices = list;
  if (count > k) {
    if (selection.wide) {
      LargestWide(delta, elements, static_cast<uint32_t*>(list), k);
    } else {
      Largest(delta, elements, static_cast<uint16_t*>(list), count, k);
    }
  }
  return selection;
}

}  // namespace tflm_train
