//! Two macros: one writes a phase enum, one ties it to the status that carries it.

/// Defines a phase enum with its names, its list of values and its parser.
macro_rules! phases {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident,)+ }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the CRD's enum.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value as it stands in `.status.phase`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::lifecycle::UnknownPhase;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|phase| phase.as_str() == text)
                    .ok_or_else(|| $crate::lifecycle::UnknownPhase {
                        phase: text.to_owned(),
                        known: Self::ALL.iter().map(|phase| phase.as_str()).collect(),
                    })
            }
        }
    };
}

/// Implements `Lifecycled` for a status with the fields `phase` and `lifecycle`.
macro_rules! lifecycled {
    ($status:ident, $phase:ident) => {
        impl $crate::lifecycle::Lifecycled for $status {
            fn lifecycle(&self) -> &$crate::lifecycle::Lifecycle {
                &self.lifecycle
            }

            fn lifecycle_mut(&mut self) -> &mut $crate::lifecycle::Lifecycle {
                &mut self.lifecycle
            }

            fn phase(&self) -> Option<String> {
                self.phase.map(|phase| phase.as_str().to_owned())
            }

            fn set_phase(&mut self, phase: &str) -> Result<(), $crate::lifecycle::UnknownPhase> {
                self.phase = Some(phase.parse::<$phase>()?);
                Ok(())
            }
        }
    };
}

pub(crate) use {lifecycled, phases};
