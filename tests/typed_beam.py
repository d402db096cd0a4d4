"""The Beam of the pipeline, but with the types of its transforms checked."""

from pipeline.beam_args import BEAM_ARGS

TYPED_BEAM_ARGS = [one for one in BEAM_ARGS if one != "--no_pipeline_type_check"]
