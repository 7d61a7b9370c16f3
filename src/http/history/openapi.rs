//! The API in OpenAPI 3.1, made of the same table as the router.

use super::routes::{Endpoint, Format, Parameter, ROUTES, Route};
use crate::http::problem::Problem;
use serde_json::{Map, Value, json};

/// The whole description.
pub(super) fn document() -> Value {
    let paths: Map<String, Value> = ROUTES.iter().map(|route| (route.path.to_owned(), json!({ "get": operation(route) }))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "openvox-operator history",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "What became of every object, where it stands, and what can happen next.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        // Relative to where this document lies, so that it also holds behind the API server's proxy.
        "servers": [{ "url": "." }],
        "security": [{ "bearer": [] }, { "proxied": [] }],
        "paths": paths,
        "components": { "schemas": schemas(), "responses": responses(), "securitySchemes": {
            "bearer": {
                "type": "http", "scheme": "bearer",
                "description": "A token that the cluster's API server accepts. It shows what its owner may get.",
            },
            "proxied": {
                "type": "apiKey", "in": "header", "name": "Openvox-Authorization",
                "description": "The same with the word Bearer before it, through the API server's proxy, which keeps Authorization for itself.",
            },
        } },
    })
}

fn operation(route: &Route) -> Value {
    let in_path = route.in_path().map(|parameter| described(route, parameter, "path"));
    let in_query = route.parameters.iter().map(|parameter| described(route, *parameter, "query"));
    let mut parameters: Vec<Value> = in_path.chain(in_query).collect();
    if route.formats.contains(&Format::Sse) {
        parameters.push(json!({
            "name": "Last-Event-ID", "in": "header", "required": false, "schema": { "type": "string" },
            "description": "Where a stream of server-sent events goes on: the id of the last event that arrived.",
        }));
    }
    let content: Map<String, Value> =
        route.formats.iter().map(|format| (format.media_type().to_owned(), json!({ "schema": schema(route, *format) }))).collect();
    let mut responses: Map<String, Value> = ["400", "401", "403", "404", "429", "503"]
        .into_iter()
        .map(|status| (status.to_owned(), json!({ "$ref": "#/components/responses/Problem" })))
        .collect();
    responses.insert("200".to_owned(), json!({ "description": route.summary, "content": content }));
    json!({ "operationId": route.id, "summary": route.summary, "parameters": parameters, "responses": responses })
}

fn described(route: &Route, parameter: Parameter, place: &str) -> Value {
    json!({
        "name": parameter.name(), "in": place, "required": place == "path",
        "description": parameter.description(), "schema": parameter.schema(route),
    })
}

fn schema(route: &Route, format: Format) -> Value {
    let named = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    match (route.endpoint, format) {
        (_, Format::Mermaid | Format::Sse) => json!({ "type": "string" }),
        (Endpoint::History, Format::Jsonl) => named("Transition"),
        (Endpoint::History, Format::Json) => named("TransitionPage"),
        (Endpoint::Objects, _) => named("ObjectPage"),
        (Endpoint::Object, _) => json!({ "oneOf": [named("Object"), named("Moment")] }),
        (Endpoint::Graph, _) => named("Graph"),
    }
}

fn responses() -> Value {
    json!({ "Problem": {
        "description": "Why there is no answer (RFC 9457), and what to do about it.",
        "content": { Problem::CONTENT_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } },
    } })
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    let number = json!({ "type": "integer" });
    let time = json!({ "type": "string", "format": "date-time" });
    let yes = json!({ "type": "boolean" });
    let list = |of: &str| json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{of}") } });
    json!({
        "Transition": object(&["kind", "namespace", "name", "uid", "seq", "at", "event", "version", "from", "to", "phase"], &json!({
            "kind": text, "namespace": text, "name": text, "uid": text, "seq": number, "at": time, "event": text, "version": number,
            "from": text, "to": text, "phase": text, "cause": text, "traceId": text, "data": {},
        })),
        "TransitionPage": object(&["items"], &json!({ "items": list("Transition"), "nextCursor": text })),
        "Object": object(&["kind", "namespace", "name", "uid", "deleting", "conditions"], &json!({
            "kind": text, "namespace": text, "name": text, "uid": text, "created": time, "deleting": yes, "generation": number,
            "observedGeneration": number, "phase": text, "state": text, "since": time, "seq": number, "attempt": number,
            "nextAttempt": time, "deadline": time, "conditions": list("Condition"), "related": list("Related"),
        })),
        "Moment": object(&["kind", "namespace", "name", "uid", "phase", "state", "since", "seq", "event"], &json!({
            "kind": text, "namespace": text, "name": text, "uid": text, "at": time, "phase": text, "state": text, "since": time,
            "seq": number, "event": text, "cause": text, "traceId": text,
        })),
        "ObjectPage": object(&["items"], &json!({
            "items": { "type": "array", "items": { "oneOf": [
                { "$ref": "#/components/schemas/Object" }, { "$ref": "#/components/schemas/Moment" },
            ] } },
            "nextCursor": text,
        })),
        "Condition": object(&["type", "status", "reason", "message", "lastTransitionTime"], &json!({
            "type": text, "status": text, "reason": text, "message": text, "lastTransitionTime": time, "observedGeneration": number,
        })),
        "Related": object(&["relation", "kind", "name"], &json!({
            "relation": { "type": "string", "enum": ["uses", "usedBy"] }, "kind": text, "name": text, "exists": yes, "phase": text,
        })),
        "Graph": object(&["kind", "initial", "states", "edges"], &json!({
            "kind": text, "initial": text, "current": text, "states": list("State"), "edges": list("Edge"),
        })),
        "State": object(&["path", "phase", "meaning", "remedy", "rest", "current"], &json!({
            "path": text, "phase": text, "meaning": text, "remedy": text, "deadlineSeconds": number, "current": yes,
            "rest": { "type": "string", "enum": ["settled", "waiting", "stuck", "final"] },
        })),
        "Edge": object(&["from", "to", "events"], &json!({
            "from": text, "to": text, "events": { "type": "array", "items": text },
        })),
        "Problem": object(&["status", "title", "detail"], &json!({
            "status": number, "title": text, "detail": text, "parameter": text, "value": text, "expected": text,
        })),
    })
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_description_in_the_documentation_is_current() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
        let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let stored = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(stored == text, "docs/openapi.json is out of date: run UPDATE=1 cargo test the_description_in_the_documentation");
    }
}
