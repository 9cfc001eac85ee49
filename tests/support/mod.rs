//! What the integration tests share. Not part of the product.

pub mod clinic;
pub mod control_plane;
pub mod program;
