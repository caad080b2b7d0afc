//! The test whether earthquakes cluster, computed directly, and in another way than the space does it: the pairs that are
//! near in space are found once, by the haversine of their distance, and each round looks at their times alone.
//!
//! Pure. It shares with the space only the description of the shuffle (plugins/iot/README.md).

use super::input::Reading;
use serde::Deserialize;
use std::collections::BTreeMap;

const EARTH_KM: f64 = 6_371.0;
const HOUR_MS: u64 = 3_600_000;

/// What to find out.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    pub km: u32,
    pub hours: u32,
    pub rounds: u64,
    pub seed: u64,
}

/// As the space answers it, too.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
pub struct Answer {
    pub quakes: u64,
    pub links: u64,
    pub clusters: u64,
    pub largest: u64,
    pub rounds: u64,
    pub as_many: u64,
    pub links_by_chance: u64,
}

pub fn answer(quakes: &[&Reading], question: Question) -> Answer {
    let mut quakes = quakes.to_vec();
    quakes.sort_by_key(|quake| quake.at);
    let most_ms = u64::from(question.hours) * HOUR_MS;
    let near = near_in_space(&quakes, f64::from(question.km));
    let linked = |times: &[u64]| near.iter().filter(|(a, b)| times[*a].abs_diff(times[*b]) <= most_ms).count() as u64;
    let times: Vec<u64> = quakes.iter().map(|quake| quake.at).collect();
    let links = linked(&times);
    let rounds: Vec<u64> = (0..question.rounds).map(|round| linked(&dealt_out(&times, question.seed, round))).collect();
    let groups = groups(&near, &times, most_ms);
    Answer {
        quakes: quakes.len() as u64,
        links,
        clusters: groups.len() as u64,
        largest: groups.iter().copied().max().unwrap_or(0),
        rounds: question.rounds,
        as_many: rounds.iter().filter(|by_chance| **by_chance >= links).count() as u64,
        links_by_chance: rounds.iter().sum(),
    }
}

/// Sorted by latitude, a quake is compared with the few that are not too far north of it.
fn near_in_space(quakes: &[&Reading], km: f64) -> Vec<(usize, usize)> {
    let mut places: Vec<(f64, f64, usize)> = quakes
        .iter()
        .enumerate()
        .filter_map(|(index, quake)| quake.place.map(|(lat, lon)| (lat, lon, index)))
        .collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    // A little more than it must be: what it lets in is measured.
    let degrees = (km / EARTH_KM).to_degrees() * 1.01;
    let mut near = Vec::new();
    for (index, one) in places.iter().enumerate() {
        let band = places[index + 1..].iter().take_while(|other| other.0 - one.0 <= degrees);
        near.extend(band.filter(|other| kilometres(one, other) <= km).map(|other| (one.2, other.2)));
    }
    near
}

/// By the haversine formula.
fn kilometres(a: &(f64, f64, usize), b: &(f64, f64, usize)) -> f64 {
    let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let cosines = a.0.to_radians().cos() * b.0.to_radians().cos();
    2.0 * EARTH_KM * (half_sine(a.0 - b.0) + cosines * half_sine(a.1 - b.1)).sqrt().asin()
}

/// The sizes of the groups of two or more, by walking from quake to quake along the links.
fn groups(near: &[(usize, usize)], times: &[u64], most_ms: u64) -> Vec<u64> {
    let mut neighbours: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &(a, b) in near.iter().filter(|(a, b)| times[*a].abs_diff(times[*b]) <= most_ms) {
        neighbours.entry(a).or_default().push(b);
        neighbours.entry(b).or_default().push(a);
    }
    let mut sizes = Vec::new();
    while let Some((_, first)) = neighbours.pop_first() {
        // Whoever leaves the map has been counted, with the group of the first.
        let (mut size, mut to_visit) = (1, first);
        while let Some(next) = to_visit.pop() {
            if let Some(further) = neighbours.remove(&next) {
                size += 1;
                to_visit.extend(further);
            }
        }
        sizes.push(size);
    }
    sizes
}

/// A shuffle of the times as the description has it: exchanged from the last one down, by splitmix64.
fn dealt_out(times: &[u64], seed: u64, round: u64) -> Vec<u64> {
    let begin = seed.wrapping_add(round << 32);
    let mut times = times.to_vec();
    for (draw, index) in (1..times.len()).rev().enumerate() {
        let mut z = begin.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(draw as u64 + 1));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        times.swap(index, ((z ^ (z >> 31)) % (index as u64 + 1)) as usize);
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quake(hour: u64, lat: f64, lon: f64) -> Reading {
        Reading { id: hour.to_string(), at: hour * HOUR_MS, value: 100, place: Some((lat, lon)) }
    }

    #[test]
    fn links_and_groups_are_those_near_in_space_and_time() {
        // A chain of three, a pair across the date line, one near in space alone, one near in time alone.
        let quakes = [
            quake(0, 0.0, 0.0),
            quake(5, 0.08, 0.0),
            quake(10, 0.16, 0.0),
            quake(50, 60.0, 179.95),
            quake(51, 60.0, -179.95),
            quake(90, 0.0, 0.0),
            quake(91, 40.0, 40.0),
        ];
        let question = Question { km: 10, hours: 6, rounds: 50, seed: 1 };
        let answer = answer(&quakes.each_ref(), question);
        assert_eq!((answer.quakes, answer.links, answer.clusters, answer.largest), (7, 3, 2, 3));
        assert!(answer.as_many < 50 && answer.links_by_chance > 0);
    }

    #[test]
    fn a_degree_of_a_meridian_is_111_kilometres() {
        let length = kilometres(&(0.0, 0.0, 0), &(1.0, 0.0, 1));
        assert!((length - 111.19).abs() < 0.01, "{length}");
    }
}
