//! The external processor behind a real Envoy. Without `RETORT_ENVOY`, which names its binary, these
//! tests say so and pass.

mod behaviour;
mod corpus;
mod end;
