//! `product.conf`.

use super::hocon::{self, Value};

/// The text of `product.conf`: no pod asks its vendor for updates.
#[must_use]
pub fn render() -> String {
    hocon::render(&vec![("product", Value::Object(vec![("check-for-updates", false.into())]))])
}
