// Input error and weight gradient are one loop: every selected element adds its error times a patch, of its filter to the
// image or of the image to its filter.
#include "tflm_train/kernels/fast/conv_2d.h"

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/selected_rows.h"
#include "tflm_train/kernels/fast/strip.h"
#include "tflm_train/kernels/fast/taps.h"
#include "tflm_train/runtime/cold.h"

namespace tflm_train {
namespace fast {
namespace {

class Scatter {
 public:
  Scatter(const ConvShape& conv, const ErrorMap& map, const Selection& selection, const float* dy, float scale, float* image,
          float* filters, Side image_side, uint64_t& macs);
  void Run();

 private:
  /// Windows with at most this many elements have their offsets tabulated.
  static constexpr int32_t kTabulated = PixelScatter::kOffsets;
  /// Floats of the strip: used if it holds what one row of windows covers.
  static constexpr int32_t kStrip = 256;
  /// Jobs or patches that are worked on together.
  static constexpr int32_t kQueue = 16;

  bool UsesStrips() const { return tabulated_ && strip_shape_.elements() <= kStrip; }
  void TabulateOffsets(int32_t image_width);
  AxpyShape Shape(int32_t image_width, int32_t rows, int32_t n) const;
  void StripRow(uint32_t first, int32_t row, int32_t column);
  void ClippedRun(uint32_t first, int32_t pixels, int32_t row, int32_t column, Taps rows, Taps columns);
  void InsideRun(uint32_t first, int32_t pixels, float* image);
  void InsideSums(uint32_t first, int32_t pixels, float* image);
  void BorderPixel(uint32_t first, int32_t row, int32_t column);
  /// The taps inside the image of one element whose window starts at (row, column).
  struct Patch {
    int32_t row, column;  // where the filter's first tap would read
    Taps rows, columns;
    int32_t taps() const { return rows.count * columns.count; }
  };
  Patch Clip(uint32_t element, int32_t row, int32_t column) const;
  void AddClipped(const Patch& patch, float error, float* filter);
  uint64_t CountRow(uint32_t first, int32_t row, int32_t column) const;
  template <class Visit>
  void ForEachSelected(uint32_t begin, uint32_t end, Visit&& visit) const;

  const ConvShape& conv_;
  const ErrorMap& map_;
  const float* const dy_;
  const float scale_;
  float* const image_;
  float* const filters_;
  const Side image_side_;
  uint64_t& macs_;
  const int32_t filter_;         // elements of one channel's filter
  const int32_t height_, width_;  // what the patches of a whole window cover
  const bool tabulated_;         // windows and filters are such that grids serve
  const uint8_t* const winners_;
  const StripShape strip_shape_;
  PixelScatter inside_;           // for windows inside the strip if rows fit, else the run at hand
  int32_t offsets_[kTabulated];  // there, from a window's first element to each of its others
  float strip_[kStrip];
};

Scatter::Scatter(const ConvShape& conv, const ErrorMap& map, const Selection& selection, const float* dy, float scale,
                 float* image, float* filters, Side image_side, uint64_t& macs)
    : conv_(conv),
      map_(map),
      dy_(dy),
      scale_(scale),
      image_(image),
      filters_(filters),
      image_side_(image_side),
      macs_(macs),
      filter_(conv.filter_h * conv.filter_w * conv.in_c),
      height_((map.filter_h - 1) * conv.stride_h + (conv.filter_h - 1) * conv.dilation_h + 1),
      width_((map.filter_w - 1) * conv.stride_w + (conv.filter_w - 1) * conv.dilation_w + 1),
      tabulated_(conv.dilation_w == 1 && map.filter_h * map.filter_w <= kTabulated),
      // Where there is no pool any byte names the one patch, so those of the errors serve.
      winners_(map.argmax ? map.argmax : reinterpret_cast<const uint8_t*>(dy)),
      strip_shape_{conv.in_h, conv.in_w, conv.in_c, height_,
                   width_ + (map.columns - 1) * map.stride_w * conv.stride_w, conv.in_c} {
  const int32_t image_width = UsesStrips() ? strip_shape_.width : conv.in_w;
  if (UsesStrips()) inner::Clear(strip_, static_cast<uint32_t>(strip_shape_.elements()));
  TabulateOffsets(image_width);
  inside_ = {Shape(image_width, conv.filter_h, conv.filter_w * conv.in_c),
             image_side,
             scale,
             selection.mode == Selection::Mode::kAll,
             map.channels,
             filters,
             filter_,
             offsets_,
             map.stride_w * conv.stride_w * conv.in_c};
}

/// Of patches with `rows` rows of n elements on an image with rows of `image_width` pixels.
AxpyShape Scatter::Shape(int32_t image_width, int32_t rows, int32_t n) const {
  AxpyShape shape = {{}, n, rows};
  shape.stride[image_side_] = conv_.dilation_h * image_width * conv_.in_c;
  shape.stride[1 - image_side_] = conv_.filter_w * conv_.in_c;
  return shape;
}

void Scatter::TabulateOffsets(int32_t image_width) {
  int32_t row = 0, column = 0;
  for (int32_t& offset : offsets_) {
    // A winner outside its window, which only damaged memory can hold, counts as the first element.
    const bool in_window = row < map_.filter_h;
    offset = in_window ? (row * conv_.stride_h * image_width + column * conv_.stride_w) * conv_.in_c : 0;
    if (++column == map_.filter_w) {
      column = 0;
      ++row;
    }
  }
}

void Scatter::Run() {
  const int32_t row_step = map_.stride_h * conv_.stride_h, column_step = map_.stride_w * conv_.stride_w;
  const int32_t first_column = -map_.pad_left * conv_.stride_w - conv_.pad_left;
  const uint32_t channels = static_cast<uint32_t>(map_.channels);
  const bool strips = UsesStrips();
  // Columns [begin, end) of the map have windows inside the image.
  int32_t begin = 0, end = map_.columns;
  while (begin < end && first_column + begin * column_step < 0) ++begin;
  while (end > begin && first_column + (end - 1) * column_step + width_ > conv_.in_w) --end;
  if (!tabulated_) end = begin;
  uint32_t element = 0;
  int32_t row = -map_.pad_top * conv_.stride_h - conv_.pad_top;
  for (int32_t i = 0; i < map_.rows; ++i, row += row_step) {
    if (strips) {
      StripRow(element, row, first_column);
      element += static_cast<uint32_t>(map_.columns) * channels;
      continue;
    }
    const Taps rows = ClipTaps(row, conv_.filter_h, conv_.dilation_h, conv_.in_h);
    // Without a pool all windows of a row are clipped alike.
    const bool in_runs = tabulated_ && rows.count > 0 && (!map_.argmax || (row >= 0 && row + height_ <= conv_.in_h));
    int32_t column = first_column;
    for (int32_t j = 0, pixels; j < map_.columns; j += pixels) {
      const Taps columns = ClipTaps(column, conv_.filter_w, conv_.dilation_w, conv_.in_w);
      const bool inside = j == begin && begin < end;
      pixels = in_runs && inside ? end - begin : 1;
      if (in_runs && columns.count > 0 && (inside || !map_.argmax)) {
        ClippedRun(element, pixels, row, column, rows, columns);
      } else {
        BorderPixel(element, row, column);
      }
      column += pixels * column_step;
      element += static_cast<uint32_t>(pixels) * channels;
    }
  }
}

/// A whole row of the map. (row, column): where the first tap of its first window reads.
void Scatter::StripRow(uint32_t first, int32_t row, int32_t column) {
  const uint64_t macs = kCountWork ? macs_ + CountRow(first, row, column) : 0;
  if (image_side_ == kSource) {
    RefillStrip(strip_shape_, image_, row, column, strip_);
  } else {
    inner::Clear(strip_, static_cast<uint32_t>(strip_shape_.elements()));
  }
  InsideRun(first, map_.columns, strip_);
  if (image_side_ == kDestination) AddStrip(strip_shape_, strip_, row, column, image_);
  if constexpr (kCountWork) macs_ = macs;
}

/// `pixels` pixels of the map in a row that have the same taps inside the image. (row, column): where the first tap of all would
/// read.
void Scatter::ClippedRun(uint32_t first, int32_t pixels, int32_t row, int32_t column, Taps rows, Taps columns) {
  const int32_t depth = conv_.in_c;
  inside_.shape.rows = rows.count;
  inside_.shape.n = columns.count * depth;
  inside_.filters = filters_ + (rows.first * conv_.filter_w + columns.first) * depth;
  InsideRun(first, pixels, image_ + ((row + rows.first * conv_.dilation_h) * conv_.in_w + column + columns.first) * depth);
}

/// `pixels` pixels of the map in a row whose windows lie inside the image, or the strip, that `image` points into.
void Scatter::InsideRun(uint32_t first, int32_t pixels, float* image) {
  // Patches have a destination in common: of a channel its filter; of a pixel its patch of the image, unless winners differ.
  if ((image_side_ == kSource || !map_.argmax) && inner::SumsPatches(inside_.shape)) {
    InsideSums(first, pixels, image);
  } else {
    inner::ScatterPixels(inside_, pixels, dy_ + first, winners_ + first, image);
  }
  if constexpr (kCountWork) {
    uint64_t elements = 0;
    ForEachSelected(first, first + static_cast<uint32_t>(pixels * map_.channels), [&](uint32_t) { ++elements; });
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
  const Axis axes[] = {{pixels, map_.channels, image, inside_.pixel_step}, {map_.channels, 1, inside_.filters, filter_}};
  const bool to_filters = image_side_ == kSource;
  const Axis from = axes[to_filters ? 0 : 1];
  Axis to = axes[to_filters ? 1 : 0];
  const bool zeros_too = inside_.zeros_too;
  ScaledPatch patches[kQueue];
  for (; to.count > 0; --to.count, first += static_cast<uint32_t>(to.error_step), to.patch += to.patch_step) {
    const float *error = dy_ + first, *patch = from.patch;
    const uint8_t* winner = winners_ + first;
    ScaledPatch* next = patches;
    for (int32_t left = from.count; left > 0; --left, error += from.error_step, winner += from.error_step) {
      if (zeros_too || !IsZero(error)) {
        *next++ = {patch + offsets_[*winner % PixelScatter::kOffsets], scale_ * *error};
        if (next == patches + kQueue) {
          inner::SumPatches(patches, kQueue, inside_.shape, to.patch);
          next = patches;
        }
      }
      patch += from.patch_step;
    }
    inner::SumPatches(patches, static_cast<int32_t>(next - patches), inside_.shape, to.patch);
  }
}

/// Calls visit(element) for the selected elements in [begin, end).
template <class Visit>
void Scatter::ForEachSelected(uint32_t begin, uint32_t end, Visit&& visit) const {
  for (; begin < end; ++begin) {
    if (inside_.zeros_too || !IsZero(dy_ + begin)) visit(begin);
  }
}

/// One pixel of the map whose window may leave the image. (row, column): where its first tap reads.
TFLM_TRAIN_NOINLINE void Scatter::BorderPixel(uint32_t first, int32_t row, int32_t column) {
  for (int32_t channel = 0; channel < map_.channels; ++channel) {
    const uint32_t element = first + static_cast<uint32_t>(channel);
    if (!inside_.zeros_too && IsZero(dy_ + element)) continue;
    const Patch patch = Clip(element, row, column);
    if (patch.taps() != 0) AddClipped(patch, scale_ * dy_[element], filters_ + channel * filter_);
    Count(macs_, static_cast<uint64_t>(patch.taps()) * static_cast<uint64_t>(conv_.in_c));
  }
}

/// Multiplications of a row of the map.
uint64_t Scatter::CountRow(uint32_t first, int32_t row, int32_t column) const {
  uint64_t taps = 0;
  for (int32_t j = 0; j < map_.columns; ++j, column += map_.stride_w * conv_.stride_w) {
    const uint32_t end = first + static_cast<uint32_t>(map_.channels);
    ForEachSelected(first, end, [&](uint32_t element) {
      taps += static_cast<uint64_t>(Clip(element, row, column).taps());
    });
    first = end;
  }
  return taps * static_cast<uint64_t>(conv_.in_c);
}

Scatter::Patch Scatter::Clip(uint32_t element, int32_t row, int32_t column) const {
  const uint32_t winner = map_.argmax ? map_.argmax[element] : 0, window_width = static_cast<uint32_t>(map_.filter_w);
  const uint32_t winner_row = winner / window_width;
  row += static_cast<int32_t>(winner_row) * conv_.stride_h;
  column += static_cast<int32_t>(winner - winner_row * window_width) * conv_.stride_w;
  return {row, column, ClipTaps(row, conv_.filter_h, conv_.dilation_h, conv_.in_h),
          ClipTaps(column, conv_.filter_w, conv_.dilation_w, conv_.in_w)};
}

/// One element of any window that has a tap inside the image.
void Scatter::AddClipped(const Patch& patch, float error, float* filter) {
  const int32_t depth = conv_.in_c;
  const int32_t row = patch.row + patch.rows.first * conv_.dilation_h;
  const int32_t column = patch.column + patch.columns.first * conv_.dilation_w;
  float* on_image = image_ + (row * conv_.in_w + column) * depth;
  float* on_filter = filter + (patch.rows.first * conv_.filter_w + patch.columns.first) * depth;
  // Without dilation, a row of taps is contiguous in the image as in the filter.
  const bool contiguous = conv_.dilation_w == 1;
  const AxpyShape shape = Shape(conv_.in_w, patch.rows.count, contiguous ? patch.columns.count * depth : depth);
  for (int32_t runs = contiguous ? 1 : patch.columns.count; runs > 0; --runs) {
    AxpyJob job = {error, {}};
    job.patch[image_side_] = on_image;
    job.patch[1 - image_side_] = on_filter;
    inner::Axpy(&job, 1, shape);
    on_image += conv_.dilation_w * depth;
    on_filter += depth;
  }
}

}  // namespace

void Conv2DInputError(const ConvShape& conv, const ErrorMap& map, const Selection& selection, const float* dy,
                      const float* w, float* dx, uint64_t& macs) {
  Scatter(conv, map, selection, dy, 1.0f, dx, const_cast<float*>(w), kDestination, macs).Run();
}

void Conv2DWeightGradient(const ConvShape& conv, const ErrorMap& map, const Selection& selection, const float* dy,
                          const float* x, float scale, float* dw, uint64_t& macs) {
  Scatter(conv, map, selection, dy, scale, const_cast<float*>(x), dw, kSource, macs).Run();
}

}  // namespace fast
}  // namespace tflm_train
