//! The access review: a sheet goes out, comes back, and is set against what is there.

use super::properties::workspace;
use super::*;

/// As CSV and as XLSX: written, filled in, read back; the next assessment says what was to go and is there.
#[test]
fn an_access_review_goes_out_and_comes_back() {
    let snapshot = snapshot_path().display().to_string();
    let list = clinic().exhibits.accesses.as_ref().expect("computed");
    assert!(list.accesses.len() > 10 && list.accesses.iter().any(|one| one.reach.is_empty()), "{} accesses", list.accesses.len());
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    write(&here.join("hipaa"), "scope.yaml", "ephi: {selectors: ['clinic.example/ephi=true']}\ndeclared_by: o\ndeclared_on: 2026-01-01\n");
    for name in ["access.csv", "access.xlsx"] {
        let sheet = ["questions", "-w", "hipaa", "--from", &snapshot, "--access-review", name];
        let output = run_in(here, &sheet);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_error(&run_in(here, &sheet), 2, &format!("{name} already exists"), "--force");
        assert_eq!(code(&run_in(here, &[&sheet[..], &["--force"]].concat())), 0);
    }
    let text = std::fs::read_to_string(here.join("access.csv")).expect("written");
    assert_eq!(
        text.lines().next(),
        Some(
            "\"cluster_uid\",\"cluster\",\"collected\",\"key\",\"identity\",\"access\",\"holds\",\"ephi_namespaces\",\"reach\",\"rules\",\"decision\",\"by\",\"on\",\"note\""
        )
    );
    // Nobody has decided anything.
    let (until, on) = (in_years(1), day());
    let read_back = |file: &str| {
        run_in(
            here,
            &[
                "answer",
                "-w",
                "hipaa",
                "--access-review",
                file,
                "--by",
                "A. Owner",
                "--role",
                "Owner of the cluster",
                "--on",
                &on,
                "--until",
                &until,
            ],
        )
    };
    assert_error(&read_back("access.csv"), 2, "cannot read access.csv as a filled-in access review", "Correct these rows");
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let headers = reader.headers().expect("a head").clone();
    let records: Vec<csv::StringRecord> = reader.records().map(|record| record.expect("a record")).collect();
    assert_eq!(records.len(), list.accesses.len());
    let mut filled = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
    filled.write_record(&headers).expect("written");
    for (number, record) in records.iter().enumerate() {
        let mut cells: Vec<String> = record.iter().map(str::to_owned).collect();
        // The last one is left undecided.
        if number + 1 < records.len() {
            cells[10] = ["keep", "change", "Remove"][number % 3].to_owned();
            cells[13] = if number % 3 == 2 { "left in October".to_owned() } else { String::new() };
        }
        filled.write_record(&cells).expect("written");
    }
    std::fs::write(here.join("filled.csv"), filled.into_inner().expect("whole")).expect("written");
    let output = read_back("filled.csv");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).contains(&format!("{} accesses were reviewed: ", records.len() - 1))
            && stdout(&output).contains("1 more was not decided on"),
        "{}",
        stdout(&output)
    );
    let assessment = assessed(here, &[]);
    let review = &assessment["people"]["access_review"];
    let decided = |word: usize| (0..records.len() - 1).filter(|number| number % 3 == word).count();
    assert_eq!(
        (review["keep"].as_u64(), review["change"].as_u64(), review["remove"].as_u64()),
        (Some(decided(0) as u64), Some(decided(1) as u64), Some(decided(2) as u64))
    );
    assert_eq!(review["still_there"].as_array().map(Vec::len), Some(decided(2)), "everything is still there");
    assert_eq!(review["unchanged"].as_array().map(Vec::len), Some(decided(1)));
    assert_eq!(review["not_reviewed"].as_array().map(Vec::len), Some(1));
    assert_eq!(kinds(&assessment)["still_there"], decided(1) + decided(2));
    assert_eq!(
        assessment["controls"].as_array().expect("a list").iter().find(|one| one["id"] == "manual/access-review").expect("there")["answers"]
            [0]["state"],
        "in_force"
    );
    what_is_gone_is_said_only_when_everything_was_read(&assessment);
}

fn what_is_gone_is_said_only_when_everything_was_read(with_review: &Value) {
    let file = with_review["people"]["access_review"]["file"].as_str().expect("a file");
    let mut assessment = clinic().clone();
    let list = assessment.exhibits.accesses.as_mut().expect("computed");
    let first_gone = with_review["people"]["access_review"]["still_there"][0].clone();
    list.accesses.retain(|one| {
        one.identity != first_gone["identity"].as_str().unwrap_or_default()
            || one.access != first_gone["access"].as_str().unwrap_or_default()
    });
    list.unseen.clear();
    let review = with_review["people"]["access_review"].clone();
    let text = format!(
        "question: manual/access-review\nstatement: s\nanswered_by: {{name: a, role: r}}\nanswered_on: {0}\nvalid_until: {0}\ncluster_uid: {3:?}\nreview:\n- {{identity: {1}, access: {2}, decision: remove, by: b, on: {0}}}\n",
        day(),
        first_gone["identity"],
        first_gone["access"],
        clinic().cluster.uid.as_ref().expect("read")
    );
    let workspace = workspace(vec![(PeopleKind::Answer, text)]);
    lay_beside(&workspace, &mut assessment);
    let gone = assessment.people.as_ref().and_then(|people| people.access_review.as_ref()).expect("a review");
    assert_eq!((gone.removed, gone.still_there.len()), (1, 0), "{file} {review}");
    let unread = kube_hipaa::model::Unseen::read_failed("roles", "forbidden", "Grant it.");
    assessment.exhibits.accesses.as_mut().expect("computed").unseen.push(unread);
    lay_beside(&workspace, &mut assessment);
    let gone = assessment.people.as_ref().and_then(|people| people.access_review.as_ref()).expect("a review");
    assert_eq!((gone.removed, gone.still_there.len(), gone.not_seen.len()), (0, 0, 1), "what is not seen is never gone");
}
