//! A report as one HTML page that needs nothing else: no network, no other file.
//!
//! Input: a [`Report`] for each register environment, and what there is to see of each function
//! ([`Views`]). Output: the page. Its data stand in it as JSON, one
//! element for the figures and one for each function, which is read when the function is looked at;
//! scripts draw from them. The same input gives the same bytes: measured times are left out.
//!
//! Invariant: no name or listing, whatever it contains, ends the element that it stands in.

mod views;

pub use views::Views;

use super::schema::{Figures, Report};
use serde_json::{Value, json};
use windlass_backend::options::AllocatorKind;

const STYLE: &str = include_str!("report.css");
/// In the order in which they run.
const SCRIPTS: [&str; 7] = [
    include_str!("dom.js"),
    include_str!("charts.js"),
    include_str!("table.js"),
    include_str!("timeline.js"),
    include_str!("code.js"),
    include_str!("function.js"),
    include_str!("report.js"),
];

/// Assembles the page. It shows the last of several reports, which are of the same functions with
/// different environments, and curves of what all of them have against k. `views` has one entry for
/// each function, of the last.
pub fn page(reports: &[Report], views: &Views) -> serde_json::Result<String> {
    let Some(report) = reports.last() else { return Ok(String::new()) };
    let curves = if reports.len() > 1 { reports } else { &[] };
    let data = json!({
        "report": without_times(serde_json::to_value(report)?),
        // The order in which they were asked for, which a JSON object does not keep.
        "allocators": report.totals.iter().map(|(kind, _)| kind.name()).collect::<Vec<_>>(),
        "curve": curves.iter().flat_map(curve_points).collect::<Vec<_>>(),
    });
    let mut body = data_element("report", &data.to_string());
    for (at, view) in views.iter().enumerate() {
        body.push_str(&data_element(&format!("function-{at}"), view));
    }
    for script in SCRIPTS {
        body.push_str(&format!("<script>\n{script}</script>\n"));
    }
    let title = format!("windlass: register allocation of {} functions", report.functions.len());
    Ok(format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>{title}</title>
<style>
{STYLE}</style>
</head>
<body>
<noscript>This report draws its tables and charts with scripts.</noscript>
{body}</body>
</html>
"
    ))
}

/// Sums over all functions with one environment: the lower bound, and what each allocator has.
fn curve_points(report: &Report) -> Vec<Value> {
    let bound = json!({"allocator": null, "k": report.k, "cost": report.lower_bound});
    let allocator = |(kind, figures): (AllocatorKind, &Figures)| {
        json!({
            "allocator": kind.name(),
            "k": report.k,
            "cost": figures.cost,
            "spills": figures.spills(),
        })
    };
    [bound].into_iter().chain(report.totals.iter().map(allocator)).collect()
}

/// Takes out every `time_us`, the one figure that differs between runs.
fn without_times(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            map.remove("time_us");
            map.values_mut().for_each(|value| *value = without_times(value.take()));
        }
        Value::Array(list) => {
            list.iter_mut().for_each(|value| *value = without_times(value.take()));
        }
        _ => {}
    }
    value
}

/// A script element that holds JSON. A `<` occurs only inside of strings, where it can be written as
/// an escape; without it nothing in the element ends it or opens a comment.
fn data_element(id: &str, json: &str) -> String {
    let json = json.replace('<', "\\u003c");
    format!("<script type=\"application/json\" id=\"{id}\">{json}</script>\n")
}
