"""A compact Mask R-CNN on torchvision's parts: its own small residual backbone, a feature pyramid at strides 2 to 16.

Everything is fitted to cells whose somata are about `DIAMETER` network pixels across; a recording is rescaled to that.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from detectnmf.detect.vision import import_torchvision

if TYPE_CHECKING:
    from torchvision.models.detection import MaskRCNN

DIAMETER = 12.0  # network px across a soma
CROP = 96  # network px: edge of the square that the network sees at once
VIEWS = 5  # planes of a crop, see `context`
CHANNELS = VIEWS + 1  # see `planes`
LEAST_SCORE = 0.05  # of a detection, before calibration
WIDTHS = (32, 48, 96, 128, 128)
FEATURES = 64


def planes(views: Tensor) -> Tensor:
    """(N, VIEWS, h, w) crops in units of noise, as `Views.tile` gives them -> (N, CHANNELS, h, w) input planes.

    The first is the frame over its own maximum (maskNMF); then all levels, compressed, so that a crop of nothing but noise does not look
    like a bright one; the correlation stays as it is.
    """
    frame = views[:, :1]
    top = frame.amax((-2, -1), keepdim=True).clamp(min=1e-6)
    return torch.cat([frame / top, torch.asinh(views[:, :-1]) / 3, views[:, -1:]], dim=1)


class Residual(nn.Module):
    """Two 3×3 convolutions with batch normalisation around a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = stride == 1 and inputs == outputs
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut: nn.Module = nn.Identity() if same else shortcut

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class Backbone(nn.Module):
    """(N, CHANNELS, h, w) -> feature maps of `FEATURES` channels at strides 2, 4, 8 and 16."""

    out_channels = FEATURES

    def __init__(self) -> None:
        super().__init__()
        stem, *widths = WIDTHS
        self.stem = nn.Sequential(
            nn.Conv2d(CHANNELS, stem, 5, 2, 2, bias=False), nn.BatchNorm2d(stem), nn.ReLU(inplace=True), Residual(stem, stem, 1)
        )
        inputs = (stem, *widths[:-1])
        strides = (1, 2, 2, 2)
        self.stages = nn.ModuleList(
            nn.Sequential(Residual(a, b, s), Residual(b, b, 1)) for a, b, s in zip(inputs, widths, strides, strict=True)
        )
        import_torchvision()
        from torchvision.ops import FeaturePyramidNetwork

        self.pyramid = FeaturePyramidNetwork(widths, FEATURES)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        maps: OrderedDict[str, Tensor] = OrderedDict()
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        for level, stage in enumerate(self.stages):
            x = stage(x)
            maps[str(level)] = x
        return dict(self.pyramid(maps))


def build_network(score: float = LEAST_SCORE) -> MaskRCNN:
    """A Mask R-CNN with random weights; `score` is the least confidence of a detection it returns."""
    import_torchvision()
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
    from torchvision.ops import MultiScaleRoIAlign

    levels = ["0", "1", "2"]
    anchors = AnchorGenerator(sizes=((9.0,), (16.0,), (26.0,), (42.0,)), aspect_ratios=((0.6, 1.0, 1.7),) * 4)

    def align(edge: int) -> MultiScaleRoIAlign:
        return MultiScaleRoIAlign(levels, edge, 1, canonical_scale=22, canonical_level=2)

    network = MaskRCNN(
        Backbone(),
        num_classes=None,
        min_size=CROP,
        max_size=CROP,
        image_mean=[0.0] * CHANNELS,
        image_std=[1.0] * CHANNELS,
        rpn_anchor_generator=anchors,
        rpn_pre_nms_top_n_train=400,
        rpn_pre_nms_top_n_test=200,
        rpn_post_nms_top_n_train=200,
        rpn_post_nms_top_n_test=60,
        rpn_fg_iou_thresh=0.6,
        rpn_batch_size_per_image=128,
        box_roi_pool=align(7),
        box_head=TwoMLPHead(FEATURES * 49, 256),
        box_predictor=FastRCNNPredictor(256, 2),
        box_score_thresh=score,
        box_detections_per_img=40,
        box_batch_size_per_image=32,
        box_positive_fraction=0.5,
        mask_roi_pool=align(14),
        mask_head=MaskRCNNHeads(FEATURES, (64, 64), 1),
        mask_predictor=MaskRCNNPredictor(64, 64, 2),
    )
    return network.to(memory_format=torch.channels_last)
