use super::*;

const HOUR: u64 = 3_600_000;

/// A quake at that hour, so many hundredths of a degree (1.1 km) north of the equator.
fn quake(host: &MockHost, hour: u64, north: i64) {
    let place = json!({ "lat_e7": north * 100_000, "lon_e7": 0 });
    let reading = json!({ "device": "net-ci", "id": format!("{hour}-{north}"), "at": hour * HOUR,
        "metric": "magnitude", "value": 450, "place": place });
    host.event::<Clusters>("ingestion.accepted.magnitude", reading).unwrap();
}

/// Two groups, of three in a row and of two, and one quake alone.
fn host() -> MockHost {
    let host = MockHost::new();
    for (hour, north) in [(0, 0), (5, 8), (10, 16), (50, 0), (51, 1), (100, 5_000)] {
        quake(&host, hour, north);
    }
    host
}

fn test(host: &MockHost, rounds: u64) -> Result<Value> {
    host.command::<Clusters>("test", json!({ "km": 10, "hours": 6, "rounds": rounds, "seed": 7 }))
}

fn progress(host: &MockHost) -> Value {
    host.command::<Clusters>("progress", ()).unwrap()
}

/// Slices until there is none to do; answers how many there were.
fn slices(host: &MockHost) -> usize {
    std::iter::from_fn(|| Some(host.fire_timers::<Clusters>().unwrap()).filter(|fired| *fired > 0)).sum()
}

#[test]
fn quakes_near_in_space_and_time_are_linked() {
    let host = host();
    assert_eq!(test(&host, 1), Ok(json!(6)));
    assert_eq!(host.fire_timers::<Clusters>(), Ok(1));
    let found = progress(&host)["so_far"].clone();
    assert_eq!((&found["links"], &found["clusters"], &found["largest"]), (&json!(3), &json!(2), &json!(3)));
}

#[test]
fn a_job_is_as_many_slices_as_it_needs_and_is_told_at_its_end() {
    let host = host();
    test(&host, 25).unwrap();
    assert_eq!(slices(&host), 4, "one look, and 25 rounds by tens");
    let progress = progress(&host);
    assert_eq!((&progress["running"], &progress["slices"]), (&json!(false), &json!(4)));
    assert_eq!(progress["so_far"]["rounds"], 25);
    let told = host.published().remove(0);
    assert_eq!((told.to.as_str(), told.json()), ("clusters.tested", progress["so_far"].clone()));
}

#[test]
fn the_size_of_the_slices_does_not_change_what_is_found() {
    let found = |rounds_per_slice: u64| {
        let host = host();
        host.set_config(json!({ "rounds_per_slice": rounds_per_slice }));
        test(&host, 100).unwrap();
        slices(&host);
        progress(&host)["so_far"].clone()
    };
    assert_eq!(found(1), found(33));
    assert!(found(1)["links_by_chance"].as_u64().unwrap() > 0);
}

#[test]
fn a_quake_that_comes_meanwhile_does_not_change_the_test() {
    let with = |more: bool| {
        let host = host();
        test(&host, 50).unwrap();
        host.fire_timers::<Clusters>().unwrap();
        if more {
            quake(&host, 52, 2);
        }
        slices(&host);
        progress(&host)["so_far"].clone()
    };
    assert_eq!(with(true), with(false));
}

#[test]
fn one_test_runs_at_a_time() {
    let host = host();
    test(&host, 10).unwrap();
    assert_eq!(test(&host, 10).unwrap_err().code, "busy");
    slices(&host);
    assert!(test(&host, 10).is_ok());
}

#[test]
fn a_test_has_limits() {
    assert_eq!(test(&MockHost::new(), 10).unwrap_err().code, "bad-test");
    assert_eq!(test(&host(), 0).unwrap_err().code, "bad-test");
    assert_eq!(test(&host(), MOST_ROUNDS + 1).unwrap_err().code, "bad-test");
}

#[test]
fn a_shuffle_deals_out_the_same_times_in_another_order() {
    let times: Vec<u64> = (0..100).collect();
    let (one, two) = (shuffle::shuffled(&times, 7, 0), shuffle::shuffled(&times, 7, 1));
    assert!(one != two && one != times && one == shuffle::shuffled(&times, 7, 0));
    let mut sorted = one;
    sorted.sort_unstable();
    assert_eq!(sorted, times);
}

#[test]
fn distances_are_those_on_a_globe() {
    let place = |lat: i64, lon: i64| Place { lat_e7: lat * 10_000_000, lon_e7: lon * 10_000_000 };
    let linked = |one, other, km| {
        Catalog::new(&[Quake { at: 0, place: one }, Quake { at: 0, place: other }], km, 1).links(&[0, 0]) == 1
    };
    // A degree is 111.19 km along a meridian, and half of that along the parallel of 60°.
    assert!(linked(place(0, 0), place(1, 0), 112) && !linked(place(0, 0), place(1, 0), 111));
    assert!(linked(place(60, 180), place(60, -179), 56) && !linked(place(60, 180), place(60, -179), 55));
}
