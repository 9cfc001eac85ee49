use serde_json::{Value, json};

use super::block::{Block, Cidr, most_of_the_world, whole_world};
use super::policy::{Direction, Policy, PolicyFile, allow_everything};
use super::ports::{PortRule, PortSet, Protocol};

fn policy(spec: Value) -> Result<Policy, String> {
    let file: PolicyFile = serde_json::from_value(json!({"metadata": {"name": "p", "namespace": "records"}, "spec": spec}))
        .map_err(|error| error.to_string())?;
    Policy::read(&file)
}

fn block(cidr: &str, except: &[&str]) -> Result<Block, String> {
    let except = except.iter().map(|cidr| Cidr::read(cidr)).collect::<Result<_, _>>()?;
    Ok(Block { cidr: Cidr::read(cidr)?, except, text: String::new() })
}

#[test]
fn policy_types_default_as_the_api_server_fills_them_in() -> Result<(), String> {
    let isolates = |spec: Value| policy(spec).map(|policy| Direction::BOTH.map(|direction| policy.rules(direction).is_some()));
    assert_eq!(isolates(json!({}))?, [true, false]);
    assert_eq!(isolates(json!({"policyTypes": []}))?, [true, false]);
    assert_eq!(isolates(json!({"egress": []}))?, [true, false], "an empty list is no egress rule");
    assert_eq!(isolates(json!({"egress": [{}]}))?, [true, true]);
    assert_eq!(isolates(json!({"policyTypes": ["Egress"], "ingress": [{}]}))?, [false, true]);
    assert_eq!(isolates(json!({"policyTypes": null, "egress": null, "ingress": null, "podSelector": null}))?, [true, false]);
    Ok(())
}

#[test]
fn rules_that_add_up_to_everything_allow_everything() -> Result<(), String> {
    let everything = |rules: Value| {
        let policy = policy(json!({"ingress": rules}))?;
        Ok::<_, String>(allow_everything(policy.rules(Direction::Ingress).unwrap_or_default().iter()))
    };
    let block = |cidr: &str| json!({"ipBlock": {"cidr": cidr}});
    assert!(everything(json!([{}]))?);
    assert!(everything(json!([{"ports": [{"protocol": "TCP"}, {"protocol": "UDP"}]}, {"ports": [{"protocol": "SCTP"}]}]))?);
    assert!(everything(json!([{"from": [block("0.0.0.0/0")]}]))?);
    assert!(everything(json!([{"from": [block("0.0.0.0/1")]}, {"from": [block("128.0.0.0/1")]}]))?);
    assert!(!everything(json!([]))?);
    assert!(!everything(json!([{"from": [block("0.0.0.0/1")]}, {"from": [block("128.0.0.0/1")], "ports": [{"port": 80}]}]))?);
    assert!(!everything(json!([{"from": [{"podSelector": {}}]}]))?);
    assert!(!everything(json!([{"ports": [{"port": 443}]}]))?);
    Ok(())
}

#[test]
fn what_validation_refuses_or_nobody_knows_is_not_understood() {
    for spec in [
        json!({"policyTypes": ["Sideways"]}),
        json!({"ingress": [{"from": [{}]}]}),
        json!({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]}),
        json!({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]}),
        json!({"ingress": [{"from": [{"ipBlock": {"cidr": "010.0.0.0/8"}}]}]}),
        json!({"ingress": [{"from": [{"serviceSelector": {}}]}]}),
        json!({"ingress": [{"ports": [{"port": 80, "protocol": "ICMP"}]}]}),
        json!({"ingress": [{"ports": [{"port": 0}]}]}),
        json!({"ingress": [{"ports": [{"port": 65536}]}]}),
        json!({"ingress": [{"ports": [{"port": "http", "endPort": 90}]}]}),
        json!({"ingress": [{"ports": [{"port": 90, "endPort": 80}]}]}),
        json!({"ingress": [{"ports": [{"endPort": 80}]}]}),
        json!({"podSelector": {"matchExpressions": [{"key": "app", "operator": "Near", "values": ["a"]}]}}),
        json!({"podSelector": {"matchExpressions": [{"key": "app", "operator": "In"}]}}),
        json!({"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["a"]}]}}),
        json!({"podSelector": {"matchNames": ["a"]}}),
        json!({"tier": "Admin"}),
    ] {
        assert!(policy(spec.clone()).is_err(), "{spec}");
    }
}

#[test]
fn the_world_is_recognised_in_every_form() -> Result<(), String> {
    for (blocks, expected) in [
        (vec![block("0.0.0.0/0", &[])?], true),
        (vec![block("::/0", &[])?], true),
        (vec![block("255.255.255.255/0", &[])?], true),
        (vec![block("128.0.0.0/1", &[])?, block("0.0.0.0/1", &[])?], true),
        (vec![block("0.0.0.0/0", &["10.0.0.0/8", "192.168.0.0/16"])?], true),
        (vec![block("0.0.0.0/0", &["128.0.0.0/1", "0.0.0.0/1"])?], false),
        (vec![block("0.0.0.0/1", &[])?, block("128.0.0.0/2", &[])?], false),
        (vec![block("10.0.0.0/8", &[])?], false),
        (vec![block("8000::/1", &[])?, block("0.0.0.0/1", &[])?], false),
        // Everything of IPv6 that is given out.
        (vec![block("::/1", &[])?], true),
        (vec![block("2000::/3", &[])?], true),
        (vec![block("2000::/4", &[])?], false),
        (Vec::new(), false),
    ] {
        assert_eq!(whole_world(blocks.iter()), expected, "{blocks:?}");
    }
    Ok(())
}

#[test]
fn most_of_the_world_is_more_than_half_of_what_somebody_has() -> Result<(), String> {
    let all_but_one =
        ["128.0.0.0/1", "64.0.0.0/2", "32.0.0.0/3", "16.0.0.0/4", "8.0.0.0/5", "4.0.0.0/6", "2.0.0.0/7"].map(|text| block(text, &[]));
    for (blocks, expected) in [
        (all_but_one.into_iter().collect::<Result<Vec<_>, _>>()?, true),
        (vec![block("0.0.0.0/0", &[])?], true),
        (vec![block("0.0.0.0/0", &["0.0.0.0/7"])?], true),
        (vec![block("0.0.0.0/0", &["0.0.0.0/0"])?], false),
        (vec![block("0.0.0.0/1", &[])?], true),
        // The upper half has the blocks of nobody.
        (vec![block("128.0.0.0/1", &[])?], false),
        (vec![block("64.0.0.0/2", &[])?, block("10.0.0.0/8", &[])?], false),
        (vec![block("2000::/3", &[])?], true),
        (vec![block("::/0", &[])?], true),
        (vec![block("2000::/4", &[])?], false),
        (vec![block("fc00::/7", &[])?], false),
        (Vec::new(), false),
    ] {
        assert_eq!(most_of_the_world(blocks.iter()), expected, "{blocks:?}");
    }
    Ok(())
}

#[test]
fn blocks_that_programs_read_differently_are_refused() {
    for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0/8", "::ffff:10.0.0.0/104", "fd00::/129", "/8", ""] {
        assert!(Cidr::read(text).is_err(), "{text}");
    }
}

#[test]
fn ranges_that_touch_are_one() {
    let set = |rules: &[PortRule]| PortSet::of(rules, &[]);
    let tcp = |from, to| PortRule::Range(Protocol::Tcp, from, to);
    assert_eq!(set(&[tcp(80, 80), tcp(81, 90)]), set(&[tcp(80, 90)]));
    assert!(set(&[tcp(1, 65535), PortRule::Every(Protocol::Udp), PortRule::Every(Protocol::Sctp)]).is_full());
    assert!(!set(&[tcp(1, 65535), PortRule::Every(Protocol::Udp)]).is_full());
    assert!(set(&[PortRule::Named(Protocol::Tcp, "http".to_owned())]).is_empty(), "a name means nothing outside the cluster");
    assert!(set(&[]).is_full());
    assert!(set(&[tcp(80, 90)]).intersect(&set(&[PortRule::Range(Protocol::Udp, 80, 90)])).is_empty());
    assert_eq!(set(&[tcp(80, 90)]).intersect(&set(&[tcp(85, 100)])), set(&[tcp(85, 90)]));
}
