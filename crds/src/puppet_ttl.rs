//! Lifetimes that Puppet Server takes.

use kube::core::{Message, Rule};

/// The longest lifetime in seconds, 50 years of 365 days: Puppet Server does not start its CA with more (`max-ca-ttl` in
/// `certificate_authority.clj`).
pub const MAX_SECONDS: i64 = 1_576_800_000;

/// The bounds of a lifetime. Nothing at all stands for the default, and a text that is no duration is told in the condition
/// of the object.
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
