//! What the integration tests share. Not part of the product.

pub mod control_plane;
