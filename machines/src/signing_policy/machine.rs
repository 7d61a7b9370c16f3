//! The `SigningPolicy` machine.

use super::{CaServer, Event, InFile, Observed, State};
use crate::core::{Blocked, Machine, NoEffect, Turn};
use crate::reason;
use statig::prelude::*;

/// The machine; its data is in [`State`].
#[derive(Debug, Default)]
pub struct SigningPolicy;

impl Machine for SigningPolicy {
    const KIND: &'static str = "SigningPolicy";
    type State = State;
    type Observed = Observed;
    type Effect = NoEffect;
    crate::core::drive!(Self);
}

type Context = Turn<SigningPolicy>;

#[state_machine(
    initial = "State::WaitingForAuthority",
    event_identifier = "seen",
    state(custom, name = "State"),
    superstate(derive(Debug))
)]
#[expect(clippy::ptr_arg, clippy::needless_pass_by_ref_mut, reason = "statig names every field of a state, and hands each out as &mut")]
impl SigningPolicy {
    #[state(superstate = "checked")]
    fn waiting_for_authority(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.invalid.is_some() {
            return Super;
        }
        let digest = seen.digest.clone();
        match seen.authority_blocked() {
            Some(blocked) => context.wait(blocked),
            None if seen.in_file == InFile::Exactly && seen.unread().is_none() => context.fire(Event::Adopted { digest }, []),
            None => context.fire(Event::Accepted { digest }, []),
        }
    }

    #[state(superstate = "enforced")]
    fn rendering(digest: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(digest) {
            return Super;
        }
        if seen.in_file != InFile::Exactly {
            return context.wait(Blocked::waiting(
                reason::RENDERING_POLICY,
                "the CertificateAuthority is to write the rules into the file that the CA reads",
            ));
        }
        match seen.unread() {
            Some(blocked) => context.wait(blocked),
            None => context.fire(Event::Rendered { digest: digest.clone() }, []),
        }
    }

    #[state(superstate = "enforced")]
    fn rendered(digest: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.interrupts(digest) {
            return Super;
        }
        match seen.in_file {
            InFile::Absent => context.fire(Event::Dropped, []),
            // The value that a Secret holds is another.
            InFile::Other => context.fire(Event::Changed { digest: digest.clone() }, []),
            // A pod that restarts signs nothing meanwhile and reads the file afterwards: no reason to take the word back.
            InFile::Exactly if seen.server == CaServer::Absent => context.fire(Event::Unread, []),
            InFile::Exactly => Handled,
        }
    }

    #[state(superstate = "checked")]
    fn invalid(message: &mut String, context: &mut Context, seen: &Observed) -> Outcome<State> {
        match (&seen.invalid, seen.authority_blocked()) {
            (Some(blocked), _) if blocked.message == *message => context.wait(blocked.clone()),
            (Some(_), _) => Super,
            (None, Some(_)) => context.fire(Event::AuthorityLost, []),
            (None, None) => context.fire(Event::Accepted { digest: seen.digest.clone() }, []),
        }
    }

    /// The rules were accepted for an authority: either may change.
    #[superstate(superstate = "checked")]
    fn enforced(context: &mut Context, seen: &Observed) -> Outcome<State> {
        if seen.invalid.is_some() {
            return Super;
        }
        match seen.authority_blocked() {
            Some(_) => context.fire(Event::AuthorityLost, []),
            None => context.fire(Event::Changed { digest: seen.digest.clone() }, []),
        }
    }

    /// A rule that cannot be used is said before anything else: it is wrong at every authority.
    #[superstate(superstate = "top")]
    fn checked(context: &mut Context, seen: &Observed) -> Outcome<State> {
        match &seen.invalid {
            Some(Blocked { reason, message, .. }) => {
                context.fire(Event::Rejected { reason: (*reason).to_owned(), message: message.clone() }, [])
            }
            None => Super,
        }
    }

    #[superstate]
    fn top(context: &mut Context) -> Outcome<State> {
        context.unhandled()
    }
}

impl Observed {
    /// The rules or the authority are not those that `digest` was accepted with.
    fn interrupts(&self, digest: &str) -> bool {
        self.invalid.is_some() || self.authority_blocked().is_some() || self.digest != digest
    }
}
