//! Lifetimes that Puppet Server takes.

use kube::core::{Message, Rule};
use openvox_puppet::duration::MAX_SECONDS;

/// The bounds of a lifetime. An empty text stands for the default; a text that is no duration is reported in the condition of
/// the object.
pub(crate) fn rule(field: &str) -> Rule {
    const DIGITS: &str = "self.find('[1-9][0-9]*')";
    let in_bounds = format!(
        "size({DIGITS}) in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] && int({DIGITS}) <= \
         {{'': {MAX_SECONDS}, 's': {MAX_SECONDS}, 'm': {}, 'h': {}, 'd': {}, 'y': 50}}[self.find('[smhdy]')]",
        MAX_SECONDS / 60,
        MAX_SECONDS / 3600,
        MAX_SECONDS / 86_400,
    );
    Rule::new(format!("!self.matches('^ *[+-]?[0-9]+[smhdy]? *$') || (!self.matches('[+-]') && {in_bounds})")).message(
        Message::Expression(format!(
            "'{field} \"' + self + '\" is out of range: Puppet Server takes 1s to 50y ({MAX_SECONDS}s); write a time between them without a sign, such as 5y'"
        )),
    )
}
