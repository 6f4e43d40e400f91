use super::report::{Row, geometric_mean, json, median, svg, table};
use super::run::Figure;
use super::suite::listed;

fn figure(rate: f64) -> Figure {
    Figure { per_minute: rate, per_cpu_minute: Some(rate * 2.0) }
}

#[test]
fn a_line_of_operations_and_seconds_becomes_rates() {
    let expected = Figure { per_minute: 120.0, per_cpu_minute: Some(240.0) };
    assert_eq!(Figure::of("40 20.0", Some(10.0)), Some(expected));
    assert_eq!(Figure::of("40 20.0", None), Some(Figure { per_cpu_minute: None, ..expected }));
    for bad in ["", "40", "x 1", "40 0", "40 1s"] {
        assert_eq!(Figure::of(bad, None), None, "{bad}");
    }
}

#[test]
fn the_median_is_a_run_that_was() {
    assert_eq!(median(vec![]), None);
    assert_eq!(median(vec![figure(3.0), figure(1.0), figure(2.0)]), Some(figure(2.0)));
    assert_eq!(median(vec![figure(3.0), figure(1.0)]), Some(figure(1.0)));
}

#[test]
fn the_mean_is_geometric_and_of_rows_with_both_sides() {
    assert_eq!(geometric_mean([].into_iter()), None);
    let mean = geometric_mean([2.0, 0.5, 1.0].into_iter());
    assert!(mean.is_some_and(|mean| (mean - 1.0).abs() < 1e-12), "{mean:?}");
}

#[test]
fn a_row_without_a_figure_stays_in_every_report() {
    let rows = [
        Row { name: "compress".into(), ours: Some(figure(3.0)), linux: Some(figure(2.0)) },
        Row { name: "serial".into(), ours: None, linux: Some(figure(2.0)) },
    ];
    let table = table(&rows);
    assert!(table.contains("compress") && table.contains("1.50") && table.contains("serial"), "{table}");
    let json = json("mine", &rows);
    assert!(
        json.contains("\"cpu_ratio\": 1.5}") && json.contains("\"ours\": {\"ops_per_minute\": null"),
        "{json}"
    );
    assert!(json.contains("\"geometric_mean\": 1.5"), "{json}");
    let svg = svg("mine", &rows);
    assert!(svg.contains(">1.50<") && svg.contains("no figure") && svg.ends_with("</svg>\n"), "{svg}");
}

#[test]
fn files_are_read_from_what_osv_pack_lists() {
    let said =
        "      link  /lib -> usr/lib\n       123  /usr/lib/x\nwarning: 12  /no\nx.img: 1.0 MiB, /usr/bin/x\n";
    assert_eq!(listed(said), ["/usr/lib/x"]);
}
