//! assessment.json as it is written and read back.

use kube_hipaa::report::json;

use super::sample_assessment::sample;
use super::{Tested, all, rendered};

#[test]
fn json_comes_back_as_it_went() -> Tested {
    let validator = jsonschema::validator_for(&json::json_schema())?;
    for (name, assessment) in all() {
        let text = rendered("json", &assessment)?;
        assert!(text.ends_with("}\n") && text.starts_with("{\n  \"schema\": \"kube-hipaa/assessment/v1\","));
        assert_eq!(json::read(text.as_bytes())?, assessment, "{name}");
        let value = serde_json::from_str(&text)?;
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    Ok(())
}

#[test]
fn other_json_is_refused_with_a_reason() -> Tested {
    let text = rendered("json", &sample())?;
    let refusal = |bytes: &[u8]| json::read(bytes).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(
        refusal(text.replace("assessment/v1", "assessment/v2").as_bytes())
            .contains("`kube-hipaa/assessment/v2`, and this version reads `kube-hipaa/assessment/v1`")
    );
    assert!(refusal(b"{\"schema\": \"\\u001b[2J\"}").contains("`␛[2J`"));
    assert!(refusal(b"{}").contains("no `schema`"));
    assert!(refusal(b"PK").contains("not an assessment"));
    assert!(refusal(text.replace("\"scope\"", "\"scoop\"").as_bytes()).contains("damaged"));
    Ok(())
}

/// One thing changed in a saved assessment, and what the refusal has to say.
type Tampering = (&'static str, fn(&mut serde_json::Value), &'static str);

#[test]
fn an_assessment_that_says_more_than_it_shows_is_refused() -> Tested {
    let control = |value: &serde_json::Value, outcome: &str| -> usize {
        let all = value["controls"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().position(|control| control["outcome"] == outcome).expect("the sample has one of each")
    };
    let of = |outcome: &'static str, change: fn(&mut serde_json::Value)| {
        move |value: &mut serde_json::Value| {
            let place = control(value, outcome);
            change(&mut value["controls"][place]);
        }
    };
    let mut tried = 0;
    let mut refused = |name: &str, change: &dyn Fn(&mut serde_json::Value), reason: &str| -> Tested {
        let mut value = serde_json::from_str(&rendered("json", &sample())?)?;
        change(&mut value);
        let error = json::read(value.to_string().as_bytes()).err().ok_or_else(|| format!("{name} was taken"))?;
        let mut said = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            said = format!("{said}: {source}");
        }
        assert!(said.contains(reason), "{name}: {said}");
        tried += 1;
        Ok(())
    };
    refused("a fail as a pass", &of("fail", |one| one["outcome"] = "pass".into()), "is said to be pass with findings")?;
    refused("a fail whose findings are gone", &of("fail", |one| one["findings"] = serde_json::json!([])), "fail without a finding")?;
    refused("a finding without evidence", &of("fail", |one| one["findings"][0]["evidence"] = serde_json::json!([])), "no evidence")?;
    refused("not assessed as a pass", &of("not_assessed", |one| one["outcome"] = "pass".into()), "pass without a proof")?;
    refused("not assessed without a reason", &of("not_assessed", |one| one["unseen"] = serde_json::json!([])), "without a reason")?;
    refused("a pass without its proof", &of("pass", |one| drop(one.as_object_mut().map(|one| one.remove("proof")))), "without a proof")?;
    refused(
        "a pass on a source that was refused",
        &of("pass", |one| one["proof"]["sources"][0] = serde_json::json!({"source": "pods", "state": "forbidden", "why": "no"})),
        "not read to its end",
    )?;
    refused("a pass over nothing", &of("pass", |one| one["proof"]["examined"] = 0.into()), "pass")?;
    refused("a pass with something undecided", &of("pass", |one| one["unknown"] = 1.into()), "not seen")?;
    refused("a question without one", &of("manual", |one| drop(one.as_object_mut().map(|one| one.remove("question")))), "a question")?;
    let rest: &[Tampering] = &[
        ("another total", |all| all["totals"]["controls"]["fail"] = 0.into(), "the totals count controls as"),
        ("fewer findings", |all| all["totals"]["findings"]["critical"] = 0.into(), "the totals count findings as"),
        ("a source less", |all| drop(all["coverage"].as_array_mut().and_then(Vec::pop)), "the totals count sources as"),
        ("a control twice", |all| all["controls"][1] = all["controls"][0].clone(), "stands there twice"),
        ("a control gone", |all| drop(all["controls"].as_array_mut().map(|all| all.remove(0))), "the totals count"),
        (
            "a paragraph's count",
            |all| {
                let paragraphs = all["paragraphs"].as_array_mut().expect("a list");
                let one = paragraphs
                    .iter_mut()
                    .find(|one| one["controls"].as_array().is_some_and(|all| !all.is_empty()))
                    .expect("one has controls");
                one["counts"]["pass"] = 99.into();
            },
            "counts controls as",
        ),
    ];
    for (name, change, reason) in rest {
        refused(name, change, reason)?;
    }
    assert_eq!(tried, 16);
    Ok(())
}
