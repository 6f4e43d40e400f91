//! Figures: collected, printed, written as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Which figure is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The smaller.
    Lower,
    /// The larger.
    Higher,
}

impl Better {
    fn name(self) -> &'static str {
        match self {
            Better::Lower => "lower",
            Better::Higher => "higher",
        }
    }
}

/// One line of the table. A side that could not be measured has no figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What was done.
    pub name: &'static str,
    /// What the figures count.
    pub unit: &'static str,
    /// Which figure is the better one.
    pub better: Better,
    /// On osv-rs.
    pub ours: Option<f64>,
    /// On Linux.
    pub linux: Option<f64>,
}

impl Row {
    /// How many times better ours is; below 1 it is worse.
    pub fn advantage(&self) -> Option<f64> {
        let (ours, linux) = (self.ours?, self.linux?);
        let ratio = match self.better {
            Better::Lower => linux / ours,
            Better::Higher => ours / linux,
        };
        ratio.is_finite().then_some(ratio)
    }
}

/// Figures by name from a program's output: its lines `name value`. Kernel messages between them are passed over.
pub fn parse(text: &str) -> BTreeMap<String, f64> {
    let figure = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, value, rest) = (words.next()?, words.next()?, words.next());
        let value: f64 = value.parse().ok()?;
        (rest.is_none() && value.is_finite() && value >= 0.0).then(|| (name.to_owned(), value))
    };
    text.lines().filter_map(figure).collect()
}

/// The table, as people read it.
pub fn print(rows: &[Row]) -> String {
    let mut text = String::new();
    let figure = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), grouped);
    let mut line = |cells: [&str; 5]| {
        let [name, ours, linux, ratio, unit] = cells;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<20} {ours:>15} {linux:>15} {ratio:>10}  {unit}");
    };
    line(["row", "osv-rs", "Linux", "advantage", "unit"]);
    for row in rows {
        let ratio = row.advantage().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x"));
        line([row.name, &figure(row.ours), &figure(row.linux), &ratio, row.unit]);
    }
    text
}

/// With thousands apart; one decimal for small figures.
fn grouped(value: f64) -> String {
    let text = if value < 100_000.0 { format!("{value:.1}") } else { format!("{value:.0}") };
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(whole, rest)| (whole, rest));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !matches!(fraction, "" | "0") {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// The table, as programs read it: `{"rows": [{"name", "unit", "ours", "linux", "better"}]}`; null where there is no
/// figure.
pub fn json(rows: &[Row]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "null".to_owned(), |value| format!("{value}"));
    let row = |row: &Row| {
        format!(
            "    {{\"name\": {}, \"unit\": {}, \"ours\": {}, \"linux\": {}, \"better\": {}}}",
            quoted(row.name),
            quoted(row.unit),
            number(row.ours),
            number(row.linux),
            quoted(row.better.name()),
        )
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    format!("{{\n  \"rows\": [\n{}\n  ]\n}}\n", rows.join(",\n"))
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
