//! Where traces are sent, which, and under what name: OpenTelemetry's own environment variables, before `spacehost.toml`.
//!
//! Reads one file, of headers. Must not know how traces are sent. Fails on what can never work, and says what to write
//! instead; values of headers are never shown, because they are secrets.

use crate::words::TracesSettings;
use anyhow::{Context, Result, anyhow, bail, ensure};
use axum::http::{HeaderName, HeaderValue};
use reqwest::Url;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
/// What the standard adds to the base of a receiver's addresses.
const PATH: &str = "v1/traces";

/// What the exporter of traces is started with.
#[derive(Clone, PartialEq)]
pub struct TraceExport {
    /// Where spans are posted.
    pub endpoint: String,
    /// The share of new traces.
    pub sample: f64,
    pub service_name: String,
    pub headers: HashMap<String, String>,
}

impl fmt::Debug for TraceExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.keys().collect();
        write!(f, "{} of traces to {} as {} with {names:?}", self.sample, self.endpoint, self.service_name)
    }
}

impl TraceExport {
    /// None: nothing is traced.
    pub fn read(file: &TracesSettings, env: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        // An empty variable is none, as the standard has it.
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        if env("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        match env("OTEL_TRACES_EXPORTER").as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(other) => {
                bail!("OTEL_TRACES_EXPORTER={other}: this host exports by `otlp` or, with `none`, not at all")
            }
        }
        let Some(endpoint) = endpoint(file, &env)? else { return Ok(None) };
        speaks_http(&env)?;
        Ok(Some(TraceExport {
            endpoint,
            sample: sample(file, &env)?,
            service_name: env(SERVICE_NAME).or_else(|| file.service_name.clone()).unwrap_or_else(|| "spacehost".into()),
            headers: file.headers_file.as_deref().map(headers).transpose()?.unwrap_or_default(),
        }))
    }
}

fn endpoint(file: &TracesSettings, env: &impl Fn(&str) -> Option<String>) -> Result<Option<String>> {
    if let Some(whole) = env(TRACES_ENDPOINT) {
        return Ok(Some(address(TRACES_ENDPOINT, &whole)?.to_string()));
    }
    let of_file = || file.endpoint.clone().map(|base| ("`endpoint` of [telemetry.traces]", base));
    let Some((from, base)) = env(ENDPOINT).map(|base| (ENDPOINT, base)).or_else(of_file) else { return Ok(None) };
    let mut url = address(from, &base)?;
    let path = url.path().trim_end_matches('/');
    // Whoever has written it out means the same.
    if !path.ends_with(PATH) {
        let path = format!("{path}/{PATH}");
        url.set_path(&path);
    }
    Ok(Some(url.to_string()))
}

fn address(from: &str, text: &str) -> Result<Url> {
    const WANTED: &str = "write an address such as http://127.0.0.1:4318";
    let url =
        Url::parse(text).map_err(|error| anyhow!("{from} is {text:?}, which is no address ({error}): {WANTED}"))?;
    match url.scheme() {
        "http" => {}
        "https" => bail!(
            "{from} is {text:?}: this host speaks no TLS. Send to a collector on this machine, which passes it on: {WANTED}"
        ),
        _ => bail!("{from} is {text:?}, which does not begin with http://: {WANTED}"),
    }
    let has_password = !url.username().is_empty() || url.password().is_some();
    ensure!(
        !has_password,
        "{from} has a name or password in it: put an `authorization` header into `headers_file` instead"
    );
    Ok(url)
}

fn speaks_http(env: &impl Fn(&str) -> Option<String>) -> Result<()> {
    let wanted = PROTOCOLS.into_iter().find_map(|name| Some((name, env(name)?)));
    match wanted {
        Some((name, protocol)) if protocol != "http/protobuf" => {
            bail!(
                "{name}={protocol}: this host speaks `http/protobuf` only, for which receivers usually have port 4318"
            )
        }
        _ => Ok(()),
    }
}

fn sample(file: &TracesSettings, env: &impl Fn(&str) -> Option<String>) -> Result<f64> {
    let ratio = || match env(SAMPLER_ARG) {
        None => Ok(None),
        Some(text) => {
            let share = text.trim().parse().ok().filter(|share| (0.0..=1.0).contains(share));
            share.map(Some).ok_or_else(|| anyhow!("{SAMPLER_ARG}={text} is no share from 0 to 1, such as 0.01"))
        }
    };
    // The flag of a client's trace is honoured with all of them.
    match env(SAMPLER).as_deref() {
        None => Ok(ratio()?.or(file.sample).unwrap_or(1.0)),
        Some("traceidratio" | "parentbased_traceidratio") => Ok(ratio()?.unwrap_or(1.0)),
        Some("always_on" | "parentbased_always_on") => Ok(1.0),
        Some("always_off" | "parentbased_always_off") => Ok(0.0),
        Some(other) => bail!(
            "{SAMPLER}={other} is not known here: use `parentbased_traceidratio`, with the share in {SAMPLER_ARG}"
        ),
    }
}

/// Lines of `name: value`.
fn headers(path: &Path) -> Result<HashMap<String, String>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("could not read {shown}, the `headers_file` of [telemetry.traces]"))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let header = |(number, line): (usize, &str)| {
        let pair = line.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
        pair.filter(|(name, value)| HeaderName::try_from(*name).is_ok() && HeaderValue::try_from(*value).is_ok())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .ok_or_else(|| anyhow!("{shown}: line {number} is no header: write `name: value`"))
    };
    lines.map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> TracesSettings {
        TracesSettings {
            endpoint: Some("http://127.0.0.1:4318".into()),
            sample: Some(0.01),
            ..TracesSettings::default()
        }
    }

    fn read(file: &TracesSettings, env: &[(&str, &str)]) -> Result<Option<TraceExport>> {
        TraceExport::read(file, |name| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn export(file: &TracesSettings, env: &[(&str, &str)]) -> TraceExport {
        read(file, env).unwrap().unwrap()
    }

    #[test]
    fn nothing_is_traced_unless_there_is_somewhere_to_send_it() {
        let sample_only = TracesSettings { endpoint: None, ..file() };
        assert_eq!(read(&TracesSettings::default(), &[]).unwrap(), None);
        assert_eq!(read(&sample_only, &[(ENDPOINT, "")]).unwrap(), None);
        assert_eq!(read(&file(), &[("OTEL_SDK_DISABLED", "true")]).unwrap(), None);
        assert_eq!(read(&file(), &[("OTEL_TRACES_EXPORTER", "none")]).unwrap(), None);
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let of_file = export(&file(), &[]);
        assert_eq!(of_file.endpoint, "http://127.0.0.1:4318/v1/traces");
        assert_eq!((of_file.sample, of_file.service_name.as_str()), (0.01, "spacehost"));
        let env = [(ENDPOINT, "http://collector:4318/otel/"), (SAMPLER_ARG, "0.5"), (SERVICE_NAME, "shop")];
        let of_env = export(&file(), &env);
        assert_eq!(of_env.endpoint, "http://collector:4318/otel/v1/traces");
        assert_eq!((of_env.sample, of_env.service_name.as_str()), (0.5, "shop"));
        let whole = export(&file(), &[(TRACES_ENDPOINT, "http://c/spans"), (ENDPOINT, "http://other")]);
        assert_eq!(whole.endpoint, "http://c/spans");
        assert_eq!(
            export(&TracesSettings::default(), &[(ENDPOINT, "http://c/v1/traces")]).endpoint,
            "http://c/v1/traces"
        );
    }

    #[test]
    fn the_sampler_is_one_of_the_standard_ones() {
        let sample = |env: &[(&str, &str)]| export(&file(), env).sample;
        assert_eq!(sample(&[(SAMPLER, "always_on")]), 1.0);
        assert_eq!(sample(&[(SAMPLER, "parentbased_always_off"), (SAMPLER_ARG, "0.5")]), 0.0);
        assert_eq!(sample(&[(SAMPLER, "parentbased_traceidratio"), (SAMPLER_ARG, "0.25")]), 0.25);
        let no_share = TracesSettings { sample: None, ..file() };
        assert_eq!(export(&no_share, &[]).sample, 1.0);
    }

    #[test]
    fn what_can_never_work_is_refused_with_what_to_write_instead() {
        let refused = |env: &[(&str, &str)]| read(&file(), env).unwrap_err().to_string();
        assert!(refused(&[(ENDPOINT, "https://c")]).contains("speaks no TLS. Send to a collector on this machine"));
        assert!(refused(&[(ENDPOINT, "127.0.0.1:4318")]).contains("such as http://127.0.0.1:4318"));
        let secret = refused(&[(ENDPOINT, "http://me:secret@c")]);
        assert!(secret.contains("headers_file") && !secret.contains("secret@"), "{secret}");
        assert!(refused(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).contains("port 4318"));
        assert!(refused(&[("OTEL_TRACES_EXPORTER", "zipkin")]).contains("`otlp`"));
        assert!(refused(&[(SAMPLER, "jaeger_remote")]).contains("parentbased_traceidratio"));
        assert_eq!(refused(&[(SAMPLER_ARG, "2")]), "OTEL_TRACES_SAMPLER_ARG=2 is no share from 0 to 1, such as 0.01");
    }

    #[test]
    fn headers_come_from_a_file_and_are_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("headers");
        std::fs::write(&path, "Authorization: Bearer s3cret\n\nx-team:  a\n").unwrap();
        let with = TracesSettings { headers_file: Some(path.clone()), ..file() };
        let read_in = export(&with, &[]);
        assert_eq!(read_in.headers["authorization"], "Bearer s3cret");
        assert_eq!(read_in.headers["x-team"], "a");
        assert!(!format!("{read_in:?}").contains("s3cret"));
        std::fs::write(&path, "x: y\ns3cret\n").unwrap();
        let error = read(&with, &[]).unwrap_err().to_string();
        assert!(error.ends_with("line 2 is no header: write `name: value`") && !error.contains("s3cret"), "{error}");
        std::fs::remove_file(&path).unwrap();
        assert!(read(&with, &[]).unwrap_err().to_string().contains("`headers_file` of [telemetry.traces]"));
    }
}
