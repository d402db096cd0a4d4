"""What each gate allows; the configuration holds these.

Where a check has a policy: ``error`` stops the run, ``warn`` is shown, ``off`` is not
looked at.
"""

from pydantic.dataclasses import dataclass

from components.checks import Policy
from components.hyperparameters import (
    STRICT,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Share,
)


@dataclass(frozen=True, config=STRICT)
class DataGateSettings:
    """What DataGate allows. Distances lie in [0, 1], pixel statistics too.

    The bounds fit MNIST, with room for random parts of it of some hundred examples.
    Smaller splits, and other data sets, may need other bounds.

    Attributes:
      anomalies: policy for TFDV anomalies of error severity. Records without 784
        pixels in 0..255 and one label in 0..9 stop the run whatever the policy.
      size: policy for splits that are missing or too small.
      min_train: least number of training examples.
      min_val: least number of validation examples.
      min_test: least number of test examples.
      leakage: policy for the same image in two splits.
      conflicts: policy for the same image with different labels. Constant images
        count neither here nor as leakage.
      balance: policy for classes that are missing or rare.
      min_class_share: least share of each class in each split.
      constant: policy for images of one single value, blank or saturated.
      max_constant_share: largest share of such images in a split.
      pixels: policy for the pixel statistics of each split.
      min_mean: least mean pixel, as a share of 255.
      max_mean: largest mean pixel, as a share of 255.
      min_ink: least share of pixels above half of 255.
      max_ink: largest share of pixels above half of 255.
      drift: policy for distances between splits and from the previous data.
      max_label_drift: largest L-infinity distance between label distributions.
      max_pixel_drift: largest Jensen-Shannon divergence, base 2, between
        distributions of pixel values.
      unlike: policy for records that look unlike any of the data before, or of train
        where there is none before.
      warn_unlike_share: share of such records in a split above which is warned.
      max_unlike_share: largest share of such records in a split.
      warn_shift: standard deviations that the mean of a trait of the images may move
        before it is warned.
      max_shift: largest such move.
      warn_label_shift: the same of the records with one label.
      max_label_shift: largest such move of one label.
      disagreement: policy for labels that the model that serves finds unlikely.
      warn_disagreement: share of such labels, beyond that of the data which the model
        was accepted on, above which is warned.
      max_disagreement: largest such share.
      warn_label_disagreement: the same of the records with one label.
      max_label_disagreement: largest such share of one label.
      warn_near_copies: share of a split that train holds near copies of, above which
        is warned; ``leakage`` is the policy.
      max_near_copies: largest such share.
      repeats: policy for images that a split holds more than once.
      warn_repeats: share of such images in a split above which is warned.
      max_repeats: largest such share.
      wrong_labels: policy for labels that seem wrong by the records alone.
      warn_wrong_labels: estimated share of them in a split above which is warned.
      max_wrong_labels: largest such share.
      warn_class_wrong_labels: the same of the records with one label.
      max_class_wrong_labels: largest such share of one label.
      shortcut: policy for one pixel that tells the label.
      warn_shortcut: share of labels that it tells, of those that are not of the
        largest class, above which is warned.
      max_shortcut: largest such share.
      warn_label_shortcut: phi coefficient of a pixel and one label, 0 to 1.
      max_label_shortcut: largest such coefficient.
    """

    anomalies: Policy = "error"
    size: Policy = "error"
    min_train: PositiveInt = 1000
    min_val: PositiveInt = 100
    min_test: PositiveInt = 100
    leakage: Policy = "error"
    conflicts: Policy = "error"
    balance: Policy = "error"
    min_class_share: Share = 0.03
    constant: Policy = "error"
    max_constant_share: Share = 0.001
    pixels: Policy = "error"
    min_mean: Share = 0.08
    max_mean: Share = 0.2
    min_ink: Share = 0.06
    max_ink: Share = 0.2
    drift: Policy = "error"
    max_label_drift: Share = 0.1
    max_pixel_drift: Share = 0.02
    unlike: Policy = "error"
    warn_unlike_share: Share = 0.004
    max_unlike_share: Share = 0.01
    warn_shift: PositiveFloat = 0.6
    max_shift: PositiveFloat = 1.2
    warn_label_shift: PositiveFloat = 1.0
    max_label_shift: PositiveFloat = 1.6
    disagreement: Policy = "error"
    warn_disagreement: Share = 0.005
    max_disagreement: Share = 0.01
    warn_label_disagreement: Share = 0.03
    max_label_disagreement: Share = 0.06
    warn_near_copies: Share = 0.0003
    max_near_copies: Share = 0.001
    repeats: Policy = "error"
    warn_repeats: Share = 0.0
    max_repeats: Share = 0.01
    wrong_labels: Policy = "error"
    warn_wrong_labels: Share = 0.01
    max_wrong_labels: Share = 0.05
    warn_class_wrong_labels: Share = 0.04
    max_class_wrong_labels: Share = 0.1
    shortcut: Policy = "error"
    warn_shortcut: Share = 0.3
    max_shortcut: Share = 0.6
    warn_label_shortcut: Share = 0.85
    max_label_shortcut: Share = 0.93


@dataclass(frozen=True, config=STRICT)
class ModelGateSettings:
    """What the Evaluator and ModelAudit demand of a model on the test split.

    Attributes:
      min_accuracy: least accuracy overall.
      max_loss: largest cross-entropy overall, in nats.
      min_digit_accuracy: least accuracy of each class.
      max_accuracy_drop: largest loss of accuracy against the baseline, overall.
      max_digit_accuracy_drop: largest loss of accuracy against the baseline, of each
        class.
      weak_spots: policy for parts of the test split, alike in what their images look
        like or in their classes, on which the model is worse than it may be.
      warn_slice_accuracy: accuracy on the worst such part below which is warned.
      min_slice_accuracy: least such accuracy.
      warn_slice_drop: loss of accuracy against the baseline, on the part that lost
        most, above which is warned.
      max_slice_drop: largest such loss.
      meaning: policy for a model that is right about its own data and wrong about
        earlier data, which an earlier model was right about.
      warn_meaning_change: share of the earlier test split that such a model is wrong
        about, beyond what either model is wrong about in its own, above which is
        warned.
      max_meaning_change: largest such share.
      warn_class_meaning_change: the same of the records of one class.
      max_class_meaning_change: largest such share of one class.
      calibration: policy for probabilities that do not say how often the model is
        right.
      warn_calibration_error: expected calibration error, in [0, 1], beyond what chance
        gives a calibrated model, above which is warned.
      max_calibration_error: largest such error.
      max_overconfidence: most mistakes for each that the model expects by its own
        probabilities; chance is added.
      unknown: policy for a model that is sure of pictures that show none of its
        classes.
      warn_sure_shapeless: share of static, stripes and the like that it answers with
        confidence above which is warned.
      max_sure_shapeless: largest such share.
      warn_sure_letters: the same of letters, which a model of digits is shown.
      max_sure_letters: largest such share; some letters look like digits.
      warn_sure_known: share of pictures of the test split that it answers with
        confidence below which is warned.
      min_sure_known: least such share.
      easy_test: policy for a test split that is easier than the validation split.
      warn_mistake_ratio: share of mistakes on test for that on validation below which
        is warned.
      min_mistake_ratio: least such ratio.
    """

    min_accuracy: Share = 0.98
    max_loss: PositiveFloat = 0.2
    min_digit_accuracy: Share = 0.95
    max_accuracy_drop: Share = 0.005
    max_digit_accuracy_drop: Share = 0.02
    weak_spots: Policy = "error"
    warn_slice_accuracy: Share = 0.97
    min_slice_accuracy: Share = 0.95
    warn_slice_drop: Share = 0.01
    max_slice_drop: Share = 0.02
    meaning: Policy = "error"
    warn_meaning_change: Share = 0.01
    max_meaning_change: Share = 0.03
    warn_class_meaning_change: Share = 0.05
    max_class_meaning_change: Share = 0.15
    calibration: Policy = "error"
    warn_calibration_error: Share = 0.01
    max_calibration_error: Share = 0.03
    max_overconfidence: PositiveFloat = 2.0
    unknown: Policy = "error"
    warn_sure_shapeless: Share = 0.05
    max_sure_shapeless: Share = 0.2
    warn_sure_letters: Share = 0.8
    max_sure_letters: Share = 0.9
    warn_sure_known: Share = 0.05
    min_sure_known: Share = 0.005
    easy_test: Policy = "error"
    warn_mistake_ratio: Share = 0.7
    min_mistake_ratio: Share = 0.5


@dataclass(frozen=True, config=STRICT)
class ServingCheckSettings:
    """What ServingCheck demands of an exported model.

    Attributes:
      max_latency: median milliseconds for one image through one signature.
      max_size: largest size of the export in megabytes.
      max_difference: largest difference from the Trainer's own probabilities.
      warn_variation: difference between probabilities of the same image, in another
        call, process or batch, above which is warned.
      max_variation: largest such difference.
      stateful: policy for operations that keep something for later requests, or depend
        on the time or on chance.
      warn_other_answers: share of images that get another class when they are sent
        enlarged and in colour, above which is warned.
      max_other_answers: largest such share.
      max_batch: images of the largest request that it must answer. Fewer are sent
        where images are so large that they would take much memory.
      warn_memory_growth: megabytes that the server's memory may grow by in 1,000 calls
        before it is warned.
      max_memory_growth: largest such growth.
      warn_first_call: seconds that the first call of a signature may take before it is
        warned.
      max_first_call: largest such time.
      timeout: seconds after which a model that does not answer is given up; three
        times as many where it is called often and with many images.
    """

    max_latency: PositiveFloat = 100.0
    max_size: PositiveFloat = 200.0
    max_difference: NonNegativeFloat = 1e-4
    warn_variation: NonNegativeFloat = 1e-5
    max_variation: NonNegativeFloat = 1e-4
    stateful: Policy = "error"
    warn_other_answers: Share = 0.15
    max_other_answers: Share = 0.3
    max_batch: PositiveInt = 5000
    warn_memory_growth: PositiveFloat = 10.0
    max_memory_growth: PositiveFloat = 50.0
    warn_first_call: PositiveFloat = 5.0
    max_first_call: PositiveFloat = 15.0
    timeout: PositiveFloat = 60.0
