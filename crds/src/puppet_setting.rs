//! The rule for settings of puppet.conf on which the operator relies.

use kube::core::{Message, Rule};
use openvox_puppet::setting::RELIED_ON;

/// That a section of `extraConfig` changes none of them.
pub(crate) fn rule(section: &str) -> Rule {
    let names = |pinned: bool| {
        let names = RELIED_ON.iter().filter(|(_, value)| value.is_some() == pinned).map(|(name, _)| format!("'{name}'"));
        names.collect::<Vec<_>>().join(", ")
    };
    let values = RELIED_ON.iter().filter_map(|(name, value)| Some(format!("'{name}': '{}'", (*value)?)));
    let values = values.collect::<Vec<_>>().join(", ");
    let (pinned, free) = (names(true), names(false));
    let own = format!("[{pinned}].filter(name, name in self.{section} && self.{section}[name] != {{{values}}}[name])");
    let others = format!("[{free}].filter(name, name in self.{section})");
    Rule::new(format!("!has(self.{section}) || ({own}.size() == 0 && {others}.size() == 0)")).message(Message::Expression(format!(
        "'extraConfig.{section} cannot change %s, on which the operator relies: remove it; for autosign write a SigningPolicy (any: true signs every request), for environmentpath set spec.puppet.environmentPath'.format([{own} + {others}])"
    )))
}
