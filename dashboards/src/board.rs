//! Dashboards: from the short description in `boards/*.yaml` to what Grafana imports.

use crate::kinds;
use serde::Deserialize;
use serde_json::{Value, json};

/// Schema of the dashboards: that of Grafana 10, which later versions migrate from by themselves.
const SCHEMA_VERSION: u32 = 39;

/// Columns of Grafana's grid.
const COLUMNS: u32 = 24;

/// Stands for the query that turns phases into numbers, for a state timeline.
const PHASE_NUMBERS: &str = "$PHASE_NUMBERS";

/// Shape of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Lines over time, with exemplars where the query is of a histogram.
    Lines,
    /// Areas on top of each other over time.
    Areas,
    /// One row for each object, coloured by phase.
    Timeline,
    /// One number.
    Number,
    /// The present values, one row for each series.
    Table,
    /// Text in Markdown.
    Text,
}

/// What a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A number of something.
    Count,
    /// Seconds of a duration.
    Seconds,
    /// Seconds since the epoch.
    Time,
    /// Per second.
    Rate,
    /// Bytes.
    Bytes,
    /// From 0 to 1.
    Share,
}

impl Unit {
    /// Grafana's name of the unit, and the factor that its value needs for that.
    fn grafana(self) -> (&'static str, &'static str) {
        match self {
            Self::Count => ("short", ""),
            Self::Seconds => ("s", ""),
            // Grafana counts in milliseconds.
            Self::Time => ("dateTimeFromNow", " * 1000"),
            Self::Rate => ("cps", ""),
            Self::Bytes => ("bytes", ""),
            Self::Share => ("percentunit", ""),
        }
    }
}

/// A query and what its series are called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// `PromQL`, with the variables of the dashboard in it.
    pub expr: String,
    /// Name of each series; `{{label}}` stands for a label.
    #[serde(default)]
    pub legend: String,
}

/// A panel.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Title.
    pub title: String,
    /// What it shows and what to do about it.
    #[serde(default)]
    pub about: String,
    /// Shape.
    pub shape: Shape,
    /// Of 24.
    pub width: u32,
    /// In Grafana's rows of 30 pixels.
    pub height: u32,
    /// What the values mean.
    #[serde(default = "count")]
    pub unit: Unit,
    /// Values from which on a number is yellow, and red.
    #[serde(default)]
    pub limits: Option<[f64; 2]>,
    /// Queries.
    #[serde(default)]
    pub queries: Vec<Query>,
    /// Markdown of a text panel.
    #[serde(default)]
    pub text: String,
    /// Why nothing is to be seen where all is well; such a panel says so instead of "No data".
    #[serde(default)]
    pub empty: Option<String>,
}

fn count() -> Unit {
    Unit::Count
}

/// A row of panels with a heading.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Heading.
    pub title: String,
    /// Panels from left to right; the next line begins where one does not fit.
    pub panels: Vec<Panel>,
}

/// Something to choose at the top of a dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Name of the variable, which is the label too.
    pub name: String,
    /// `PromQL` selector whose values of that label can be chosen.
    pub of: String,
}

/// A dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Name of the file, and with a prefix the uid.
    pub name: String,
    /// Title.
    pub title: String,
    /// What it is for.
    pub about: String,
    /// What can be chosen.
    pub choices: Vec<Choice>,
    /// Rows.
    pub rows: Vec<Row>,
}

/// Numbers for phases, so that a state timeline can show them: each phase's place in the list of all.
fn phase_numbers() -> String {
    let selector = "kind=~\"$kind\",namespace=~\"$namespace\"";
    let number = |(index, phase): (usize, &&str)| format!("{index} * (openvox_resource_phase{{phase=\"{phase}\",{selector}}} == 1)");
    let all: Vec<String> = kinds::phases().iter().enumerate().map(number).collect();
    format!("max by (kind, namespace, name) (\n  {}\n)", all.join("\n  or "))
}

/// The colour of a phase: what is well is green, what moves is blue, what waits is yellow.
fn colour(phase: &str) -> &'static str {
    match phase {
        "Ready" => "dark-green",
        "Running" => "semi-dark-green",
        "Signed" => "green",
        "Active" => "light-green",
        "External" => "super-light-green",
        "Error" => "red",
        "Pending" => "yellow",
        "WaitingForCert" => "orange",
        "WaitingForSigning" => "light-orange",
        "Terminating" => "text",
        "Renewing" => "light-blue",
        _ => "blue",
    }
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// From a series of an object to its history and its traces.
fn links(labels: &str) -> Value {
    let of = |label: &str| format!("${{__{labels}.{label}}}");
    let (kind, namespace, name) = (of("kind"), of("namespace"), of("name"));
    let history = format!("${{history}}/api/v1/history/{kind}/{namespace}/{name}");
    let query = format!("{{span.k8s.kind=\\\"{kind}\\\" && span.k8s.namespace.name=\\\"{namespace}\\\" && span.k8s.name=\\\"{name}\\\"}}");
    let panes = format!(
        "{{\"a\":{{\"datasource\":\"${{traces}}\",\"queries\":[{{\"refId\":\"A\",\"queryType\":\"traceql\",\"query\":\"{query}\"}}],\"range\":{{\"from\":\"${{__from}}\",\"to\":\"${{__to}}\"}}}}}}"
    );
    json!([
        {"title": "History", "url": history, "targetBlank": true},
        {"title": "Traces", "url": format!("/explore?schemaVersion=1&panes={}", escape(&panes)), "targetBlank": true},
    ])
}

/// Percent-encodes what may not stand in a URL; Grafana fills in its own `${…}` afterwards.
fn escape(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '{' | '}' | '$' | '_' | '.' | ':' | ',' | '[' | ']' | '=' => letter.to_string(),
            '"' => "%22".into(),
            '\\' => "%5C".into(),
            ' ' => "%20".into(),
            '&' => "%26".into(),
            other => other.to_string(),
        })
        .collect()
}

impl Panel {
    /// Whether every query keeps the labels of single objects.
    fn of_objects(&self) -> bool {
        let each = ["openvox_resource_", "openvox_certificate_expiry", "openvox_server_pods", PHASE_NUMBERS];
        !self.queries.is_empty()
            && self
                .queries
                .iter()
                .all(|query| each.iter().any(|name| query.expr.contains(name)) && !query.expr.trim_start().starts_with("sum"))
    }

    /// The queries with everything filled in that is not Grafana's to fill in.
    #[must_use]
    pub fn expressions(&self) -> Vec<String> {
        self.queries.iter().map(|query| query.expr.trim().replace(PHASE_NUMBERS, &phase_numbers())).collect()
    }

    fn targets(&self) -> Vec<Value> {
        let (_, factor) = self.unit.grafana();
        let instant = matches!(self.shape, Shape::Number | Shape::Table);
        let refs = 'A'..='Z';
        self.queries
            .iter()
            .zip(self.expressions())
            .zip(refs)
            .map(|((query, expr), reference)| {
                json!({
                    "refId": reference.to_string(),
                    "datasource": datasource(),
                    "expr": if factor.is_empty() { expr } else { format!("({expr}){factor}") },
                    "legendFormat": if query.legend.is_empty() { "__auto" } else { &query.legend },
                    "instant": instant,
                    "range": !instant,
                    "exemplar": query.expr.contains("_bucket") && !instant,
                    "format": if self.shape == Shape::Table { "table" } else { "time_series" },
                })
            })
            .collect()
    }

    fn field_config(&self) -> Value {
        let (unit, _) = self.unit.grafana();
        let mut steps = vec![json!({"color": "green", "value": null})];
        if let Some([yellow, red]) = self.limits {
            steps.push(json!({"color": "yellow", "value": yellow}));
            steps.push(json!({"color": "red", "value": red}));
        }
        let (mapping, drawing) = match self.shape {
            Shape::Timeline => {
                let phases = kinds::phases();
                let options: serde_json::Map<String, Value> = phases
                    .iter()
                    .enumerate()
                    .map(|(index, phase)| (index.to_string(), json!({"text": phase, "color": colour(phase), "index": index})))
                    .collect();
                (json!([{"type": "value", "options": options}]), json!({"fillOpacity": 80, "lineWidth": 0}))
            }
            Shape::Areas => {
                (json!([]), json!({"fillOpacity": 60, "lineWidth": 1, "showPoints": "never", "stacking": {"mode": "normal", "group": "A"}}))
            }
            Shape::Lines => (json!([]), json!({"fillOpacity": 8, "lineWidth": 2, "showPoints": "auto"})),
            Shape::Number | Shape::Table | Shape::Text => (json!([]), json!({})),
        };
        let mut defaults = json!({
            "unit": unit,
            "custom": drawing,
            "mappings": mapping,
            "thresholds": {"mode": "absolute", "steps": steps},
            "color": {"mode": if matches!(self.shape, Shape::Number | Shape::Timeline) { "thresholds" } else { "palette-classic" }},
        });
        if let Some(fields) = defaults.as_object_mut() {
            if let Some(empty) = &self.empty {
                fields.insert("noValue".into(), json!(empty));
            }
            if self.of_objects() {
                fields.insert("links".into(), links(if self.shape == Shape::Table { "data.fields" } else { "field.labels" }));
            }
            if self.unit == Unit::Count && matches!(self.shape, Shape::Number | Shape::Table) {
                // Prometheus extrapolates, also what is counted in whole numbers.
                fields.insert("decimals".into(), json!(0));
            }
            if matches!(self.unit, Unit::Count | Unit::Rate | Unit::Bytes | Unit::Seconds) && self.shape != Shape::Timeline {
                fields.insert("min".into(), json!(0));
            }
        }
        // Without this, the columns with names would be shown in the unit of the value.
        let overrides = if self.queries.iter().any(|query| query.legend == "{{phase}}") {
            let fixed = |phase: &str| json!([{"id": "color", "value": {"mode": "fixed", "fixedColor": colour(phase)}}]);
            kinds::phases()
                .into_iter()
                .map(|phase| json!({"matcher": {"id": "byName", "options": phase}, "properties": fixed(phase)}))
                .collect()
        } else if self.shape == Shape::Table {
            ["kind", "namespace", "name", "phase", "state", "reason", "rest"]
                .map(|label| json!({"matcher": {"id": "byName", "options": label}, "properties": [{"id": "unit", "value": "string"}]}))
                .to_vec()
        } else {
            Vec::new()
        };
        json!({"defaults": defaults, "overrides": overrides})
    }

    fn options(&self) -> Value {
        let legend = json!({"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []});
        match self.shape {
            Shape::Lines | Shape::Areas => json!({"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}),
            Shape::Timeline => {
                json!({"legend": legend, "tooltip": {"mode": "single", "sort": "none"}, "mergeValues": true, "showValue": "auto", "rowHeight": 0.8, "alignValue": "left"})
            }
            Shape::Number => json!({
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
                "colorMode": "value", "graphMode": "none", "textMode": "auto", "justifyMode": "auto", "orientation": "auto",
            }),
            Shape::Table => {
                json!({"showHeader": true, "cellHeight": "sm", "footer": {"show": false, "reducer": ["sum"], "countRows": false, "fields": ""}})
            }
            Shape::Text => json!({"mode": "markdown", "content": self.text}),
        }
    }

    fn json(&self, id: u32, x: u32, y: u32) -> Value {
        let shape = match self.shape {
            Shape::Lines | Shape::Areas => "timeseries",
            Shape::Timeline => "state-timeline",
            Shape::Number => "stat",
            Shape::Table => "table",
            Shape::Text => "text",
        };
        let mut panel = json!({
            "id": id,
            "type": shape,
            "title": self.title,
            "description": self.about,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "options": self.options(),
        });
        if self.shape != Shape::Text
            && let Some(fields) = panel.as_object_mut()
        {
            fields.insert("datasource".into(), datasource());
            fields.insert("targets".into(), json!(self.targets()));
            fields.insert("fieldConfig".into(), self.field_config());
            if self.shape == Shape::Table {
                // The time of the scrape and Prometheus's own labels are no news.
                let hidden = json!({"Time": true, "__name__": true, "instance": true, "job": true, "pod": true, "container": true, "endpoint": true, "service": true});
                fields.insert(
                    "transformations".into(),
                    json!([{"id": "organize", "options": {"excludeByName": hidden, "renameByName": {"Value": self.title}}}]),
                );
            }
        }
        panel
    }
}

impl Choice {
    fn json(&self) -> Value {
        let query = format!("label_values({}, {})", self.of, self.name);
        json!({
            "name": self.name, "label": self.name, "type": "query", "datasource": datasource(),
            "query": {"qryType": 1, "query": query, "refId": "A"},
            "includeAll": true, "multi": true, "allValue": ".*", "refresh": 2, "sort": 1,
            "current": {"text": ["All"], "value": ["$__all"]},
        })
    }
}

impl Board {
    /// Reads a description.
    ///
    /// # Errors
    /// When a field is unknown, missing or of another type.
    pub fn read(text: &str) -> Result<Self, serde_saphyr::Error> {
        serde_saphyr::from_str(text)
    }

    /// What Grafana imports.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut panels = Vec::new();
        let (mut id, mut y) = (0, 0);
        for row in &self.rows {
            id += 1;
            panels.push(json!({"id": id, "type": "row", "title": row.title, "collapsed": false, "panels": [], "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}}));
            y += 1;
            let (mut x, mut height) = (0, 0);
            for panel in &row.panels {
                if x + panel.width > COLUMNS {
                    (x, y, height) = (0, y + height, 0);
                }
                id += 1;
                panels.push(panel.json(id, x, y));
                x += panel.width;
                height = height.max(panel.height);
            }
            y += height;
        }
        let mut variables = vec![json!({
            "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1, "current": {}, "hide": 0,
        })];
        variables.extend(self.choices.iter().map(Choice::json));
        variables.push(
            json!({"name": "traces", "label": "Traces", "type": "datasource", "query": "tempo", "refresh": 1, "current": {}, "hide": 0}),
        );
        let local = "http://127.0.0.1:8082";
        variables.push(json!({
            "name": "history", "label": "History API", "type": "textbox", "query": local, "hide": 0,
            "current": {"text": local, "value": local}, "options": [{"text": local, "value": local, "selected": true}],
        }));
        json!({
            "uid": format!("openvox-{}", self.name),
            "title": self.title,
            "description": self.about,
            "tags": ["openvox"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": true,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timezone": "browser",
            "annotations": {"list": []},
            "links": [{"type": "dashboards", "tags": ["openvox"], "title": "OpenVox", "asDropdown": true, "keepTime": true, "includeVars": true, "targetBlank": false, "icon": "dashboard", "tooltip": "", "url": ""}],
            "templating": {"list": variables},
            "panels": panels,
        })
    }
}
