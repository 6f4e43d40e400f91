//! The table, the JSON and the plot.

use super::run::Figure;
use std::fmt::Write;

/// A row with what it gave on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// On osv-rs.
    pub ours: Option<Figure>,
    /// On Linux.
    pub linux: Option<Figure>,
}

impl Row {
    /// Ours over Linux's, in the guests' time.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.ours?.per_minute / self.linux?.per_minute)
    }

    /// The same in processor time.
    pub fn cpu_ratio(&self) -> Option<f64> {
        Some(self.ours?.per_cpu_minute? / self.linux?.per_cpu_minute?)
    }

    /// The one that counts: what else the machine did does not change it, if it can be had.
    pub fn verdict(&self) -> Option<f64> {
        self.cpu_ratio().or_else(|| self.ratio())
    }
}

/// The figure in the middle of an odd number of runs, the lower one of two.
pub fn median(mut figures: Vec<Figure>) -> Option<Figure> {
    let key = |figure: &Figure| figure.per_cpu_minute.unwrap_or(figure.per_minute);
    figures.sort_by(|a, b| key(a).total_cmp(&key(b)));
    figures.get(figures.len().checked_sub(1)? / 2).copied()
}

/// The mean that suits ratios; `None` of none.
pub fn geometric_mean(ratios: impl Iterator<Item = f64>) -> Option<f64> {
    let logarithms: Vec<f64> = ratios.map(f64::ln).collect();
    (!logarithms.is_empty()).then(|| (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp())
}

/// The table, as people read it.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    let mut line = |cells: [&str; 7]| {
        let [name, a, b, c, d, e, f] = cells;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<22} {a:>12} {b:>12} {c:>7}   {d:>12} {e:>12} {f:>7}");
    };
    line(["", "ops/min", "", "", "ops/CPU min", "", ""]);
    line(["row", "osv-rs", "Linux", "ratio", "osv-rs", "Linux", "ratio"]);
    for row in rows {
        let rate = |figure: Option<Figure>| number(figure.map(|figure| figure.per_minute));
        let cpu_rate = |figure: Option<Figure>| number(figure.and_then(|figure| figure.per_cpu_minute));
        let cells = [rate(row.ours), rate(row.linux), number(row.ratio())];
        let cpu_cells = [cpu_rate(row.ours), cpu_rate(row.linux), number(row.cpu_ratio())];
        line([&row.name, &cells[0], &cells[1], &cells[2], &cpu_cells[0], &cpu_cells[1], &cpu_cells[2]]);
    }
    let mean = number(geometric_mean(rows.iter().filter_map(Row::ratio)));
    let cpu_mean = number(geometric_mean(rows.iter().filter_map(Row::cpu_ratio)));
    line(["geometric mean", "", "", &mean, "", "", &cpu_mean]);
    text
}

/// The table, as programs read it; null where there is no figure.
pub fn json(suite: &str, rows: &[Row]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "null".to_owned(), |value| format!("{value}"));
    let side = |figure: Option<Figure>| {
        let per_cpu_minute = figure.and_then(|figure| figure.per_cpu_minute);
        let (a, b) = (number(figure.map(|figure| figure.per_minute)), number(per_cpu_minute));
        format!("{{\"ops_per_minute\": {a}, \"ops_per_cpu_minute\": {b}}}")
    };
    let row = |row: &Row| {
        let (ours, linux) = (side(row.ours), side(row.linux));
        let (ratio, cpu_ratio) = (number(row.ratio()), number(row.cpu_ratio()));
        let name = &row.name;
        format!(
            "    {{\"name\": \"{name}\", \"ours\": {ours}, \"linux\": {linux}, \"ratio\": {ratio}, \"cpu_ratio\": {cpu_ratio}}}"
        )
    };
    let lines: Vec<String> = rows.iter().map(row).collect();
    let mean = number(geometric_mean(rows.iter().filter_map(Row::verdict)));
    format!(
        "{{\n  \"suite\": \"{suite}\",\n  \"geometric_mean\": {mean},\n  \"rows\": [\n{}\n  ]\n}}\n",
        lines.join(",\n")
    )
}

/// A bar for each row, as long as ours is faster, with a line where both are the same.
pub fn svg(suite: &str, rows: &[Row]) -> String {
    const LEFT: f64 = 190.0;
    const UNIT: f64 = 220.0;
    const STEP: f64 = 22.0;
    let height = 60.0 + STEP * rows.len() as f64;
    let longest = rows.iter().filter_map(Row::verdict).fold(1.5, f64::max);
    let width = LEFT + UNIT * longest + 60.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"18\" font-weight=\"bold\">osv-rs over Linux, operations per minute of QEMU's processor time</text>\n\
         <text x=\"10\" y=\"34\" fill=\"#555\">{suite}</text>\n"
    );
    for (index, row) in rows.iter().enumerate() {
        let y = 46.0 + STEP * index as f64;
        let (name, baseline) = (&row.name, y + 13.0);
        let Some(ratio) = row.verdict() else {
            let _ = writeln!(
                text,
                "<text x=\"10\" y=\"{baseline}\">{name}</text><text x=\"{LEFT}\" y=\"{baseline}\">no figure</text>"
            );
            continue;
        };
        let colour = if ratio >= 1.0 {
            "#2a7f62"
        } else if ratio >= 0.9 {
            "#c9a227"
        } else {
            "#b3402a"
        };
        let (length, end) = (UNIT * ratio, LEFT + UNIT * ratio + 6.0);
        let _ = writeln!(
            text,
            "<text x=\"10\" y=\"{baseline}\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"16\" fill=\"{colour}\"/>\
             <text x=\"{end:.1}\" y=\"{baseline}\">{ratio:.2}</text>"
        );
    }
    let (x, bottom) = (LEFT + UNIT, height - 12.0);
    let _ = writeln!(
        text,
        "<line x1=\"{x}\" y1=\"42\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"#333\" stroke-dasharray=\"4 3\"/>"
    );
    text + "</svg>\n"
}
