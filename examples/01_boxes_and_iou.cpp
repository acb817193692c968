// Lesson 1: boxes, their overlap, and non-maximum suppression.
//
// A box is [ymin, xmin, ymax, xmax], normalised to the picture. Detectors are judged by IoU, the
// intersection of two boxes over their union: 1 is the same box, 0 is none in common. A net answers
// with many boxes for one object; NMS keeps the surest and drops what overlaps it too much.
//
// Output:
//   a and b: IoU 0.33
//   a and c: IoU 0.00
//   NMS keeps box 1 (score 0.90), box 2 (score 0.40)
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "ocelli/box/iou.hpp"
#include "ocelli/box/nms.hpp"

int main() {
  const ocelli::Box boxes[] = {
      {0.10f, 0.10f, 0.50f, 0.50f},  // a
      {0.10f, 0.30f, 0.50f, 0.70f},  // b: half of it lies on a
      {0.60f, 0.60f, 0.90f, 0.90f},  // c: elsewhere
  };
  std::printf("a and b: IoU %.2f\n", ocelli::iou(boxes[0], boxes[1]));
  std::printf("a and c: IoU %.2f\n", ocelli::iou(boxes[0], boxes[2]));

  // Greedy NMS: candidates by falling score; a kept box suppresses those with a greater IoU than
  // the limit. Memory is taken once, here, and not in the calls.
  const float scores[] = {0.8f, 0.9f, 0.4f};
  ocelli::NmsOptions options;
  options.iou_threshold = 0.3;
  ocelli::NmsWorkspace<float> workspace(3, options.max_output);
  int kept[3];
  const int count = ocelli::nms(boxes, scores, 3, options, workspace, kept);
  std::printf("NMS keeps");
  for (int i = 0; i < count; ++i)
    std::printf("%s box %d (score %.2f)", i > 0 ? "," : "", kept[i], scores[kept[i]]);
  std::printf("\n");
}
