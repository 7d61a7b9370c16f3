//! Everything there is to ask: paths, their parameters, and the forms of their answers.

use super::parameters::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::http::kinds;
use serde_json::{Value, json};

/// What a path answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Transitions.
    History,
    /// Objects as they are, or were.
    Objects,
    /// One object.
    Object,
    /// The machine of one object.
    Graph,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One JSON document.
    Json,
    /// One JSON document per line, all pages after another.
    Jsonl,
    /// Server-sent events, without end.
    Sse,
    /// A state diagram in the language of Mermaid.
    Mermaid,
}

impl Format {
    pub(super) const ALL: [Self; 4] = [Self::Json, Self::Jsonl, Self::Sse, Self::Mermaid];

    /// As the value of the parameter `format`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Sse => "sse",
            Self::Mermaid => "mermaid",
        }
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Jsonl => "application/jsonl",
            Self::Sse => "text/event-stream",
            Self::Mermaid => "text/vnd.mermaid",
        }
    }
}

/// A parameter of the query or of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Kind,
    Namespace,
    Name,
    Phase,
    Event,
    Cause,
    Uid,
    Since,
    Until,
    At,
    Order,
    Limit,
    Cursor,
    Format,
}

impl Parameter {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Namespace => "namespace",
            Self::Name => "name",
            Self::Phase => "phase",
            Self::Event => "event",
            Self::Cause => "cause",
            Self::Uid => "uid",
            Self::Since => "since",
            Self::Until => "until",
            Self::At => "at",
            Self::Order => "order",
            Self::Limit => "limit",
            Self::Cursor => "cursor",
            Self::Format => "format",
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Kind => "Kind or plural, in any case.",
            Self::Namespace => "Namespace.",
            Self::Name => "Name.",
            Self::Phase => "Phase, as in manifests.",
            Self::Event => "Name of the event, such as CsrSubmitted.",
            Self::Cause => "Part of the cause, in upper or lower case.",
            Self::Uid => "One incarnation of an object: metadata.uid.",
            Self::Since => "Not before this time.",
            Self::Until => "Before this time.",
            Self::At => "As it was at this time.",
            Self::Order => "Newest first (desc) or oldest first (asc).",
            Self::Limit => "Entries of a page, at most.",
            Self::Cursor => "The nextCursor of the page before, or the id of a server-sent event.",
            Self::Format => "Form of the answer; wins over the header Accept.",
        }
    }

    pub(super) fn schema(self, route: &Route) -> Value {
        match self {
            Self::Since | Self::Until | Self::At => json!({ "type": "string", "format": "date-time" }),
            Self::Order => json!({ "type": "string", "enum": ["asc", "desc"], "default": "desc" }),
            Self::Limit => json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
            Self::Kind => json!({ "type": "string", "examples": kinds::all().iter().map(|kind| &kind.name).collect::<Vec<_>>() }),
            Self::Format => json!({
                "type": "string", "default": "json", "enum": route.formats.iter().map(|format| format.name()).collect::<Vec<_>>(),
            }),
            _ => json!({ "type": "string" }),
        }
    }
}

/// One path.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) endpoint: Endpoint,
    /// With its parameters in braces.
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) formats: &'static [Format],
}

impl Route {
    /// The parameters in the path, in their order.
    pub(super) fn in_path(&self) -> impl Iterator<Item = Parameter> {
        const OBJECT: [Parameter; 3] = [Parameter::Kind, Parameter::Namespace, Parameter::Name];
        OBJECT.into_iter().filter(|_| self.path.contains('{'))
    }
}

/// All paths.
pub(super) const ROUTES: &[Route] = &[
    Route {
        endpoint: Endpoint::History,
        path: "/api/v1/history",
        id: "listHistory",
        summary: "Transitions of all objects that the caller may get",
        parameters: &[
            Parameter::Kind,
            Parameter::Namespace,
            Parameter::Name,
            Parameter::Phase,
            Parameter::Event,
            Parameter::Cause,
            Parameter::Uid,
            Parameter::Since,
            Parameter::Until,
            Parameter::Order,
            Parameter::Limit,
            Parameter::Cursor,
            Parameter::Format,
        ],
        formats: &[Format::Json, Format::Jsonl, Format::Sse],
    },
    Route {
        endpoint: Endpoint::History,
        path: "/api/v1/history/{kind}/{namespace}/{name}",
        id: "listHistoryOfObject",
        summary: "Transitions of one object, also of one that is gone",
        parameters: &[
            Parameter::Phase,
            Parameter::Event,
            Parameter::Cause,
            Parameter::Uid,
            Parameter::Since,
            Parameter::Until,
            Parameter::Order,
            Parameter::Limit,
            Parameter::Cursor,
            Parameter::Format,
        ],
        formats: &[Format::Json, Format::Jsonl, Format::Sse],
    },
    Route {
        endpoint: Endpoint::Objects,
        path: "/api/v1/objects",
        id: "listObjects",
        summary: "Where all objects stand that the caller may get, now or at a time",
        parameters: &[Parameter::Kind, Parameter::Namespace, Parameter::Phase, Parameter::At, Parameter::Limit, Parameter::Cursor],
        formats: &[Format::Json],
    },
    Route {
        endpoint: Endpoint::Object,
        path: "/api/v1/objects/{kind}/{namespace}/{name}",
        id: "getObject",
        summary: "Where one object stands and what blocks it, or where it stood at a time",
        parameters: &[Parameter::At],
        formats: &[Format::Json],
    },
    Route {
        endpoint: Endpoint::Graph,
        path: "/api/v1/objects/{kind}/{namespace}/{name}/graph",
        id: "getGraphOfObject",
        summary: "The state machine of one object with its state marked, now or at a time",
        parameters: &[Parameter::At, Parameter::Format],
        formats: &[Format::Json, Format::Mermaid],
    },
];
