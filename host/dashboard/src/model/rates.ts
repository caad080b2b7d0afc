// From counters that only grow to rates: what a poll says is compared with the ones before it.

const KEPT = 60;
/** A rate looks back so far, so that one poll's jitter does not make it jump. */
const WINDOW_MS = 5_000;

interface Sample {
  at: number;
  value: number;
}

export interface Rate {
  /** Per second, now. */
  now: number;
  /** Per second, poll by poll, oldest first. */
  trail: number[];
}

export class Counters {
  private samples = new Map<string, Sample[]>();

  /** Takes a reading in, and answers the rate that it makes with the former ones. */
  read(name: string, value: number, at: number): Rate {
    let samples = this.samples.get(name) ?? [];
    const last = samples.at(-1);
    // It has begun anew: the host was restarted, or the space purged.
    if (last && value < last.value) samples = [];
    samples = [...samples, { at, value }].slice(-KEPT);
    this.samples.set(name, samples);
    return { now: rateOf(samples, at), trail: trailOf(samples) };
  }
}

function rateOf(samples: Sample[], at: number): number {
  const last = samples.at(-1)!;
  const first = samples.find((sample) => at - sample.at <= WINDOW_MS && sample !== last) ?? samples.at(-2);
  return first ? perSecond(first, last) : 0;
}

function trailOf(samples: Sample[]): number[] {
  return samples.slice(1).map((sample, index) => perSecond(samples[index]!, sample));
}

function perSecond(from: Sample, to: Sample): number {
  return to.at > from.at ? ((to.value - from.value) * 1000) / (to.at - from.at) : 0;
}
