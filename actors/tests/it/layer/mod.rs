//! Tests of what lies in `src/layer/`.

mod layers;
