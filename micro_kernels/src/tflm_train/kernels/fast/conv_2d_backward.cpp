// Input error and weight gradient are one loop: every selected element adds its error times a patch, of its filter to
// the image or of the image to its filter.
#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/fast/conv_2d.h"
#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/strip.h"
#include "tflm_train/kernels/fast/taps.h"
#include "tflm_train/kernels/magnitude.h"
#include "tflm_train/kernels/selected_elements.h"

namespace tflm_train {
namespace fast {
namespace {

/// Windows with at most this many elements have their offsets tabulated.
constexpr int32_t kTabulated = PixelScatter::kOffsets;

/// Windows and filters are such that grids serve.
bool IsTabulated(const ConvShape& conv, const PoolShape& pool) {
  return conv.dilation_w == 1 && pool.filter_h * pool.filter_w <= kTabulated;
}

/// What a row of the map's windows covers.
TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE StripShape StripOf(const ConvShape& conv, const PoolShape& pool) {
  return {conv.in_h,
          conv.in_w,
          conv.in_c,
          (pool.filter_h - 1) * conv.stride_h + (conv.filter_h - 1) * conv.dilation_h + 1,
          (pool.filter_w - 1 + (pool.out_w - 1) * pool.stride_w) * conv.stride_w +
              (conv.filter_w - 1) * conv.dilation_w + 1,
          conv.in_c};
}

class Scatter {
 public:
  /// `filters`: those of the channels. `strip`: null, or room for StripElements.
  TFLM_TRAIN_COLD Scatter(const ConvErrors& errors, const ChannelRange& channels, float* image, float* filters,
                          Side image_side, float* strip, uint64_t& macs);
  TFLM_TRAIN_COLD void Run();

 private:
  /// Patches that are summed together.
  static constexpr int32_t kQueue = 16;

  void TabulateOffsets(int32_t image_width);
  void StripRow(uint32_t first, int32_t row, int32_t column);
  TFLM_TRAIN_COLD void DirectRow(uint32_t first, int32_t row, int32_t column);
  TFLM_TRAIN_HOT void InsideRun(uint32_t first, int32_t pixels, float* image);
  TFLM_TRAIN_HOT void InsideSums(uint32_t first, int32_t pixels, float* image);
  TFLM_TRAIN_COLD void BorderPixel(uint32_t first, int32_t row, int32_t column);
  /// The taps inside the image of a window that starts at (row, column).
  struct Patch {
    int32_t row, column;  // where the filter's first tap would read
    Taps rows, columns;
    int32_t taps() const { return rows.count * columns.count; }
  };
  Patch Clip(uint32_t element, int32_t row, int32_t column) const;
  TFLM_TRAIN_COLD float* Confine(const Patch& patch);
  uint64_t CountRow(uint32_t first, int32_t row, int32_t column) const;
  template <class Visit>
  void ForEachSelectedOf(uint32_t first, int32_t pixels, Visit&& visit) const;

  const ConvShape& conv_;
  const PoolShape& pool_;
  const float* const dy_;
  float* const image_;
  float* const filters_;
  uint64_t& macs_;
  const StripShape strip_shape_;
  const int32_t row_step_, column_step_;  // on the image, from window to window
  const int32_t width_;                   // what the patches of a whole window cover
  const bool pooled_;
  const uint8_t* const winners_;
  const bool tabulated_;
  PixelScatter inside_;          // for windows inside the strip if rows fit, else the run at hand
  int32_t offsets_[kTabulated];  // there, from a window's first element to each of its others
  float* const strip_;           // for what a row of windows covers; null without one
};

Scatter::Scatter(const ConvErrors& errors, const ChannelRange& channels, float* image, float* filters, Side image_side,
                 float* strip, uint64_t& macs)
    : conv_(errors.conv),
      pool_(errors.pool),
      dy_(errors.dy + channels.first),
      image_(image),
      filters_(filters),
      macs_(macs),
      strip_shape_(StripOf(conv_, pool_)),
      row_step_(pool_.stride_h * conv_.stride_h),
      column_step_(pool_.stride_w * conv_.stride_w),
      width_(strip_shape_.width - (pool_.out_w - 1) * column_step_),
      pooled_(errors.argmax != nullptr),
      // Where there is no pool any byte names the one patch, so those of the errors serve.
      winners_(pooled_ ? errors.argmax + channels.first : reinterpret_cast<const uint8_t*>(dy_)),
      tabulated_(IsTabulated(conv_, pool_)),
      strip_(strip) {
  if (strip_ != nullptr) inner::Clear(strip_, static_cast<uint32_t>(strip_shape_.elements()));
  const int32_t image_width = strip_ != nullptr ? strip_shape_.width : conv_.in_w;
  if (tabulated_) TabulateOffsets(image_width);
  const int32_t depth = conv_.in_c, row = conv_.filter_w * depth;
  inside_ = {{{}, row, conv_.filter_h},
             image_side,
             1.0f,
             errors.selection.mode == Selection::Mode::kAll,
             static_cast<int32_t>(channels.count),
             static_cast<int32_t>(channels.all - channels.count),
             filters,
             conv_.filter_h * row,
             offsets_,
             column_step_ * depth};
  inside_.shape.stride[image_side] = conv_.dilation_h * image_width * depth;
  inside_.shape.stride[1 - image_side] = row;
}

void Scatter::TabulateOffsets(int32_t image_width) {
  int32_t* offset = offsets_;
  for (int32_t row = 0; row < pool_.filter_h; ++row) {
    for (int32_t column = 0; column < pool_.filter_w; ++column) {
      *offset++ = (row * conv_.stride_h * image_width + column * conv_.stride_w) * conv_.in_c;
    }
  }
  // A winner outside its window, which only damaged memory can hold, counts as the last element.
  for (const int32_t last = offset[-1]; offset != offsets_ + kTabulated;) *offset++ = last;
}

void Scatter::Run() {
  const int32_t column = -pool_.pad_left * conv_.stride_w - conv_.pad_left;
  int32_t row = -pool_.pad_top * conv_.stride_h - conv_.pad_top;
  uint32_t element = 0;
  for (int32_t i = 0; i < pool_.out_h; ++i) {
    if (strip_ != nullptr) {
      StripRow(element, row, column);
    } else {
      DirectRow(element, row, column);
    }
    row += row_step_;
    element += static_cast<uint32_t>(pool_.out_w * pool_.channels);
  }
}

/// A row of the map on the image itself. (row, column): as in StripRow.
void Scatter::DirectRow(uint32_t first, int32_t row, int32_t column) {
  const Taps rows = ClipTaps(row, conv_.filter_h, conv_.dilation_h, conv_.in_h);
  // Without a pool all windows of a row are clipped alike.
  const bool clipped_alike = !pooled_, rows_inside = row >= 0 && row + strip_shape_.height <= conv_.in_h;
  const bool in_runs = tabulated_ && rows.count > 0 && (clipped_alike || rows_inside);
  const int32_t last = conv_.in_w - width_;  // column where a window inside can start
  for (int32_t j = 0, pixels; j < pool_.out_w; j += pixels) {
    const bool inside = column >= 0 && column <= last;
    pixels = 1;
    if (in_runs && (inside || clipped_alike)) {
      if (inside) {
        pixels += (last - column) / column_step_;
        if (pixels > pool_.out_w - j) pixels = pool_.out_w - j;
      }
      const Taps columns = ClipTaps(column, conv_.filter_w, 1, conv_.in_w);
      InsideRun(first, pixels, Confine({row, column, rows, columns}));
    } else {
      BorderPixel(first, row, column);
    }
    column += pixels * column_step_;
    first += static_cast<uint32_t>(pixels * pool_.channels);
  }
}

/// Leaves to the jobs of `inside_` the taps of a patch that are inside the image, at least one; returns the first.
float* Scatter::Confine(const Patch& patch) {
  const int32_t depth = conv_.in_c;
  const int32_t row = patch.row + patch.rows.first * conv_.dilation_h;
  const int32_t column = patch.column + patch.columns.first * conv_.dilation_w;
  inside_.shape.rows = patch.rows.count;
  inside_.shape.n = patch.columns.count * depth;
  inside_.filters = filters_ + (patch.rows.first * conv_.filter_w + patch.columns.first) * depth;
  return image_ + (row * conv_.in_w + column) * depth;
}

/// A whole row of the map. (row, column): where the first tap of its first window reads.
void Scatter::StripRow(uint32_t first, int32_t row, int32_t column) {
  const uint64_t macs = kCountWork ? macs_ + CountRow(first, row, column) : 0;
  if (inside_.image_side == kSource) {
    RefillStrip(strip_shape_, image_, row, column, strip_);
  } else {
    inner::Clear(strip_, static_cast<uint32_t>(strip_shape_.elements()));
  }
  InsideRun(first, pool_.out_w, strip_);
  if (inside_.image_side == kDestination) AddStrip(strip_shape_, strip_, row, column, image_);
  if constexpr (kCountWork) macs_ = macs;
}

/// `pixels` pixels of the map in a row whose windows lie inside the image, or the strip, that `image` points into.
void Scatter::InsideRun(uint32_t first, int32_t pixels, float* image) {
  // Do patches have a destination in common: of a channel its filter; of a pixel its patch of the image, unless winners
  // differ?
  const bool common = inside_.image_side == kSource ? pixels > 1 : !pooled_;
  if (common && inner::SumsPatches(inside_.shape)) {
    InsideSums(first, pixels, image);
  } else {
    inner::ScatterPixels(inside_, pixels, dy_ + first, winners_ + first, image);
  }
  if constexpr (kCountWork) {
    uint64_t elements = 0;
    ForEachSelectedOf(first, pixels, [&](uint32_t) { ++elements; });
    Count(macs_, elements * static_cast<uint64_t>(inside_.shape.rows * inside_.shape.n));
  }
}

void Scatter::InsideSums(uint32_t first, int32_t pixels, float* image) {
  /// The errors along pixels or channels, and the patches that go with them on the image or among the filters.
  struct Axis {
    int32_t count, error_step;
    float* patch;
    int32_t patch_step;
  };
  const Axis axes[] = {{pixels, pool_.channels, image, inside_.pixel_step},
                       {inside_.channels, 1, inside_.filters, inside_.filter}};
  const bool to_filters = inside_.image_side == kSource;
  const Axis from = axes[to_filters ? 0 : 1];
  Axis to = axes[to_filters ? 1 : 0];
  const int32_t count = from.count, error_step = from.error_step;
  const uint32_t force = inside_.zeros_too ? 1 : 0;  // as a bit of an error: it is not skipped
  ScaledPatch patches[kQueue];
  for (; to.count > 0; --to.count, first += static_cast<uint32_t>(to.error_step), to.patch += to.patch_step) {
    const float* error = dy_ + first;
    ScaledPatch* next = patches;
    // Most errors may be zero: what only the others need is computed for them alone.
    for (int32_t left = count; left > 0; --left, error += error_step) {
      if ((MagnitudeKey(error) | force) == 0) continue;
      const uint8_t winner = winners_[error - dy_];
      const float* patch = from.patch + (count - left) * from.patch_step + offsets_[winner % PixelScatter::kOffsets];
      *next++ = {patch, inside_.scale * *error};
      if (next == patches + kQueue) {
        inner::SumPatches(patches, kQueue, inside_.shape, to.patch);
        next = patches;
      }
    }
    if (next != patches) inner::SumPatches(patches, static_cast<int32_t>(next - patches), inside_.shape, to.patch);
  }
}

/// Calls visit(element) for the selected elements of some pixels, `first` at the first one's.
template <class Visit>
void Scatter::ForEachSelectedOf(uint32_t first, int32_t pixels, Visit&& visit) const {
  for (; pixels > 0; --pixels, first += static_cast<uint32_t>(pool_.channels)) {
    for (uint32_t element = first; element < first + static_cast<uint32_t>(inside_.channels); ++element) {
      if (inside_.zeros_too || !IsZero(dy_ + element)) visit(element);
    }
  }
}

/// One pixel of the map whose window may leave the image. (row, column): where its first tap reads.
void Scatter::BorderPixel(uint32_t first, int32_t row, int32_t column) {
  const Side image_side = inside_.image_side;
  for (int32_t channel = 0; channel < inside_.channels; ++channel) {
    const uint32_t element = first + static_cast<uint32_t>(channel);
    if (!inside_.zeros_too && IsZero(dy_ + element)) continue;
    const Patch patch = Clip(element, row, column);
    Count(macs_, static_cast<uint64_t>(patch.taps()) * static_cast<uint64_t>(conv_.in_c));
    if (patch.taps() == 0) continue;
    AxpyJob job = {inside_.scale * dy_[element], {}};
    job.patch[image_side] = Confine(patch);
    job.patch[1 - image_side] = inside_.filters + channel * inside_.filter;
    int32_t runs = 1;
    if (conv_.dilation_w != 1) {  // a row of taps is not contiguous in the image
      runs = patch.columns.count;
      inside_.shape.n = conv_.in_c;
    }
    for (; runs > 0; --runs) {
      inner::Axpy(&job, 1, inside_.shape);
      job.patch[image_side] += conv_.dilation_w * conv_.in_c;
      job.patch[1 - image_side] += conv_.in_c;
    }
  }
}

/// Multiplications of a row of the map.
uint64_t Scatter::CountRow(uint32_t first, int32_t row, int32_t column) const {
  uint64_t taps = 0;
  for (int32_t j = 0; j < pool_.out_w; ++j, column += column_step_) {
    ForEachSelectedOf(first, 1,
                      [&](uint32_t element) { taps += static_cast<uint64_t>(Clip(element, row, column).taps()); });
    first += static_cast<uint32_t>(pool_.channels);
  }
  return taps * static_cast<uint64_t>(conv_.in_c);
}

Scatter::Patch Scatter::Clip(uint32_t element, int32_t row, int32_t column) const {
  const uint32_t winner = pooled_ ? winners_[element] : 0, window_width = static_cast<uint32_t>(pool_.filter_w);
  const uint32_t winner_row = winner / window_width;
  row += static_cast<int32_t>(winner_row) * conv_.stride_h;
  column += static_cast<int32_t>(winner - winner_row * window_width) * conv_.stride_w;
  return {row, column, ClipTaps(row, conv_.filter_h, conv_.dilation_h, conv_.in_h),
          ClipTaps(column, conv_.filter_w, conv_.dilation_w, conv_.in_w)};
}

}  // namespace

uint32_t BackwardStrip(const ConvShape& conv, const PoolShape& pool) {
  const StripShape shape = StripOf(conv, pool);
  const int32_t row = pool.pad_top * conv.stride_h + conv.pad_top;
  const int32_t column = pool.pad_left * conv.stride_w + conv.pad_left;
  const int32_t last_row = shape.height + (pool.out_h - 1) * pool.stride_h * conv.stride_h;
  const bool inside = row == 0 && column == 0 && last_row <= conv.in_h && shape.width <= conv.in_w;
  const auto elements = static_cast<uint32_t>(shape.elements());
  return inside || !IsTabulated(conv, pool) || elements > kMaxStrip ? 0 : elements;
}

TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE float* TakeStrip(const ConvErrors& errors, uint32_t others,
                                                     Workspace<float>* workspace) {
  const uint32_t strip = BackwardStrip(errors.conv, errors.pool);
  if (strip == 0 || strip + others > workspace->elements) return nullptr;
  float* const values = workspace->values;
  workspace->values += strip;
  workspace->elements -= strip;
  return values;
}

namespace {

/// The rows of the selected ones among `count` channels end: sums of n weights each. The errors of a channel lie `all`
/// apart, the first channel's from `error` on.
TFLM_TRAIN_NOINLINE void EndRows(const RowSink<float>& sink, bool every_row, const float* error, const float* end,
                                 uint32_t all, const float* sums, float* target, uint32_t n, uint32_t count) {
  const AxpyShape row = {{0, 0}, static_cast<int32_t>(n), 1};
  for (; count > 0; --count, ++error, sums += n, target += n) {
    if (!every_row && AllZero(error, end, all)) continue;
    if (sink.rule != nullptr) {
      sink.rule->end(sink, target, sums, n);
      continue;
    }
    const AxpyJob job = {sink.scale, {const_cast<float*>(sums), target}};
    inner::Axpy(&job, 1, row);
  }
}

}  // namespace

void ScatterErrors(const ConvErrors& errors, const ChannelRange& channels, const float* filters, float* strip,
                   float* dx, uint64_t& macs) {
  Scatter(errors, channels, dx, const_cast<float*>(filters), kDestination, strip, macs).Run();
}

void SumPatches(const ConvErrors& errors, const ChannelRange& channels, const float* image, float* filters,
                uint64_t& macs) {
  Scatter(errors, channels, const_cast<float*>(image), filters, kSource, nullptr, macs).Run();
}

void Conv2DInputError(const ConvErrors& errors, const float* w, float* dx, Workspace<float> workspace, uint64_t& macs) {
  const auto all = static_cast<uint32_t>(errors.conv.out_c);
  float* const strip = TakeStrip(errors, 0, &workspace);
  ScatterErrors(errors, {0, all, all}, w, strip, dx, macs);
}

void Conv2DWeightGradient(const ConvErrors& errors, const float* x, const RowSink<float>& sink,
                          Workspace<float> workspace, float* dw, uint64_t& macs) {
  const ConvShape& conv = errors.conv;
  const PoolShape& pool = errors.pool;
  const auto all = static_cast<uint32_t>(conv.out_c);
  const auto filter = static_cast<uint32_t>(conv.filter_h * conv.filter_w * conv.in_c);
  const auto elements = static_cast<uint32_t>(pool.out_h * pool.out_w * pool.channels);
  float* const strip = TakeStrip(errors, filter, &workspace);
  float* const sums = workspace.values;
  ChannelRange block = {0, 0, all};
  for (; block.first < all; block.first += block.count) {
    block.count = workspace.Rows(filter, all - block.first);
    inner::Clear(sums, block.count * filter);
    Scatter(errors, block, const_cast<float*>(x), sums, kSource, strip, macs).Run();
    EndRows(sink, errors.selection.every_row(), errors.dy + block.first, errors.dy + elements, all, sums,
            dw + size_t{block.first} * filter, filter, block.count);
  }
}

}  // namespace fast
}  // namespace tflm_train
