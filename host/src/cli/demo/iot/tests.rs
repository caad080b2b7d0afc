use super::*;

fn files() -> (Vec<Device>, Vec<Device>) {
    let quakes = input::quakes(include_str!("../../../../../plugins/iot/data/earthquakes.json")).unwrap();
    (quakes, input::weather(include_str!("../../../../../plugins/iot/data/seattle-weather.csv")).unwrap())
}

#[test]
fn the_long_job_is_under_way_shortly_before_half_of_the_readings_are_sent() {
    let (quakes, weather) = files();
    let traffic = Traffic::of(&quakes, &weather);
    let before: usize = traffic.clients.iter().map(Sends::before_the_job).sum();
    let part = before as f64 / traffic.len() as f64;
    assert!((0.45..0.495).contains(&part), "{part}");
}

#[test]
fn the_real_data_has_of_each_kind() {
    let (quakes, weather) = files();
    let settings =
        settings::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/iot/spacehost.toml"))).unwrap();
    let traffic = Traffic::of(&quakes, &weather);
    let all = traffic.expected(&settings);
    assert_eq!(all.len(), 16);
    let counts: [fn(&Found) -> u64; 4] =
        [|of| of.taken.duplicates, |of| of.taken.expired, |of| of.taken.refused, |of| of.came.too_late];
    for of in counts {
        assert!(all.values().map(of).sum::<u64>() > 50);
    }
    let rules: std::collections::BTreeSet<_> =
        all.values().flat_map(|of| &of.alerts).map(|alert| &alert.rule).collect();
    assert_eq!(rules.len(), settings.rules.len(), "each rule has raised an alert: {rules:?}");
}

#[test]
fn one_window_that_differs_is_a_failure_that_shows_both() {
    let window = found::Window { start: 0, end: 1, told: 1, count: 2, sum: 3, min: 1, max: 2 };
    let with = |sum: i64| {
        let windows = vec![found::Window { sum, ..window }];
        ByDevice::from([("d".to_owned(), Found { windows, ..Found::default() })])
    };
    assert!(compare(&device_rows(&with(3), &with(3)), "THE FILES").is_ok());
    let error = compare(&device_rows(&with(4), &with(3)), "THE FILES").unwrap_err().to_string();
    let line = error.lines().find(|line| line.starts_with("windows alike")).unwrap();
    assert!(line.contains('0') && line.contains('1') && line.ends_with("DIFFERENT"), "{line}");
}

#[test]
fn a_job_that_went_on_is_told_with_its_slices() {
    let done = Done { answer: Answer::default(), slices: 101, resumed: Some((7, 8)), took: Duration::from_secs(9) };
    let said =
        "the long job took 101 slices in 9.0 s; it was at slice 7 before the host was killed and at slice 8 after that";
    assert_eq!(told(&done), said);
}
