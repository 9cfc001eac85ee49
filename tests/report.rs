//! Documents, judged by readers that are not ours.

#[path = "support/sample_assessment.rs"]
mod sample_assessment;

#[test]
#[ignore = "writes files to look at: REPORT_OUT=folder cargo test --test report write_samples -- --ignored"]
fn write_samples() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::path::PathBuf::from(std::env::var_os("REPORT_OUT").ok_or("REPORT_OUT names no folder")?);
    for (name, assessment) in [("sample", sample_assessment::sample()), ("hostile", sample_assessment::hostile()), ("quiet", sample_assessment::quiet())] {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        for format in kube_hipaa::report::FORMATS {
            std::fs::write(folder.join(format.file_name()), format.render(&assessment)?)?;
        }
        for width in [40, 80, 120] {
            for color in [false, true] {
                let look = kube_hipaa::report::Summary { width, color, report: Some("evidence/report.html"), next: Some("kube-hipaa preflight") };
                let text = kube_hipaa::report::summary(&assessment, &look);
                std::fs::write(folder.join(format!("terminal-{width}{}.txt", if color { "-color" } else { "" })), text)?;
            }
        }
    }
    Ok(())
}
