//! The earthquakes of a test, ready to be compared each with each. Pure; it knows one distance and one span of time, and
//! nothing of chance.

use iot_messages::Place;
use spacehost_sdk::prelude::*;

const EARTH_KM: f64 = 6_371.0;
const HOUR_MS: u64 = 3_600_000;

#[derive(Serialize, Deserialize)]
pub struct Quake {
    pub at: u64,
    pub place: Place,
}

pub struct Catalog {
    /// Points on the unit sphere: two are near when the cosine of the angle between them is large.
    points: Vec<[f64; 3]>,
    times: Vec<u64>,
    least_cosine: f64,
    most_ms: u64,
}

impl Catalog {
    pub fn new(quakes: &[Quake], km: u32, hours: u32) -> Self {
        Catalog {
            points: quakes.iter().map(|quake| point(quake.place)).collect(),
            times: quakes.iter().map(|quake| quake.at).collect(),
            least_cosine: (f64::from(km) / EARTH_KM).cos(),
            most_ms: u64::from(hours) * HOUR_MS,
        }
    }

    /// When each quake was, in the order of time.
    pub fn times(&self) -> &[u64] {
        &self.times
    }

    /// How many pairs are near in space and time, if these were the times.
    pub fn links(&self, times: &[u64]) -> u64 {
        (0..times.len()).map(|one| (0..one).filter(|&other| self.linked(times, one, other)).count() as u64).sum()
    }

    /// The sizes of all groups of two or more quakes that are linked, directly or through others.
    pub fn groups(&self) -> Vec<u64> {
        let count = self.times.len();
        let mut group: Vec<usize> = (0..count).collect();
        for one in 0..count {
            for other in (0..one).filter(|&other| self.linked(&self.times, one, other)) {
                let (a, b) = (first_of(&mut group, one), first_of(&mut group, other));
                group[a.max(b)] = a.min(b);
            }
        }
        let mut sizes = vec![0; count];
        for quake in 0..count {
            sizes[first_of(&mut group, quake)] += 1;
        }
        sizes.retain(|size| *size > 1);
        sizes
    }

    /// Time first: a comparison of integers that rules out most pairs.
    fn linked(&self, times: &[u64], one: usize, other: usize) -> bool {
        times[one].abs_diff(times[other]) <= self.most_ms
            && cosine(&self.points[one], &self.points[other]) >= self.least_cosine
    }
}

fn point(Place { lat_e7, lon_e7 }: Place) -> [f64; 3] {
    let radians = |e7: i64| (e7 as f64 / 1e7).to_radians();
    let (lat, lon) = (radians(lat_e7), radians(lon_e7));
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

fn cosine(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The quake that stands for the group (union-find); shortens the way to it.
fn first_of(group: &mut [usize], mut quake: usize) -> usize {
    while group[quake] != quake {
        group[quake] = group[group[quake]];
        quake = group[quake];
    }
    quake
}
