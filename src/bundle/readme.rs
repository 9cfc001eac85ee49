//! `README.txt`: for whoever gets a bundle and has nothing but usual tools.

use super::info::one_line;
use super::seal::About;

/// The text about one bundle.
pub(super) fn written(about: &About) -> String {
    let uid = one_line(about.uid.as_deref().unwrap_or(super::info::UNKNOWN));
    TEXT.replace("{started}", &one_line(&about.started))
        .replace("{finished}", &one_line(&about.finished))
        .replace("{uid}", &uid)
        // Last, so that no name of a cluster is taken for one of the places above.
        .replace("{cluster}", &one_line(&about.cluster))
}

const TEXT: &str = r#"Evidence from a Kubernetes cluster
==================================

Cluster    {cluster}
Identity   {uid}  (uid of the namespace kube-system)
Observed   {started} to {finished}

What this is
------------
kube-hipaa read the configuration of this cluster through its API, changed
nothing, and wrote down what it observed, as evidence relevant to the HIPAA
Security Rule (45 CFR Part 164 Subpart C). It makes no statement about whether
the rule is met. What could not be seen is reported as not assessed.

  data/report.html        the report; opens in any browser
  data/assessment.json    the same for programs, with the place of every fact
  data/requests.jsonl     every request that was sent to the cluster
  data/snapshot/          what was read: one object a line, secrets left out
  data/catalog/           the rules by which it was assessed
  data/summary.json       the totals
  data/previous.json      name and id of the bundle before this one, or null

It shows where a cluster is weak: keep it where you keep such things. The rule
asks that required documentation is kept for six years (164.316(b)(2)(i)).

The files are a bag of BagIt 1.0 (RFC 8493). Its id is the SHA-256 of the file
tagmanifest-sha256.txt. Whoever received or noted the id on the day of sealing
can show years later that nothing was changed since.

How to check it
---------------
No program of the makers is needed. In a shell with the usual tools:

1. Unpack it, where it is a .zip file, into an empty folder, and go to the
   folder in it that holds this file. Neither command may report an error,
   and the second prints nothing:

     unzip -q BUNDLE.zip
     unzip -Z1 BUNDLE.zip | sort | uniq -d

2. Compare the id with the one that was noted when the bundle was sealed, or
   with the one in data/previous.json of the bundle after it:

     sha256sum tagmanifest-sha256.txt

3. Check the files beside data/, then those in it. Each line must end in OK:

     sha256sum --strict -c tagmanifest-sha256.txt
     sha256sum --strict -c manifest-sha256.txt

4. See that no file was added. This prints nothing:

     find data -type f | sort > /tmp/there
     cut -c67- manifest-sha256.txt | sort > /tmp/listed
     comm -3 /tmp/there /tmp/listed
     find . ! -type f ! -type d

5. See that the assessment was made of this snapshot. Both lines show the same
   digest:

     grep -m1 '"snapshot_sha256"' data/assessment.json
     sha256sum data/snapshot/index.json

On macOS `shasum -a 256` stands for `sha256sum`; on Windows `certutil -hashfile
FILE SHA256` prints a digest. The script examples/verify.sh of kube-hipaa does
all of this at once, and so does `kube-hipaa verify BUNDLE`.

How to check one piece of evidence
----------------------------------
Every finding in data/assessment.json names its evidence: the source, the
object, the pointer to the field, and the `sha256` of the object as it was
stored. To recompute it, take the source's file (pods are in core.pods, roles
in rbac.authorization.k8s.io.roles) and the digest from the report:

1. Find the line of the object:

     DIGEST=...64 hex digits from the evidence...
     gzip -dc data/snapshot/core.pods.jsonl.gz |
       grep -F "{\"sha256\":\"$DIGEST\"" > /tmp/line

2. Cut the object out of the line and digest it. The result is DIGEST:

     sed -e 's/^{"sha256":"[0-9a-f]*","object"://' -e 's/}$//' /tmp/line |
       tr -d '\n' | sha256sum

3. Read the object, and look at the field that the pointer names:

     cat /tmp/line

Signature and time
------------------
Beside tagmanifest-sha256.txt there may be a signature (its name with .sig) and
a timestamp (with .tsr) over it. Without them the id is what proves: note it in
a place that the keeper of the bundle cannot change.

6. The signature is one of `ssh-keygen -Y sign`. SIGNERS is a file with a line
   for each key that may sign, got from somewhere else than this bundle: a name,
   a space, and the public key. The first command prints the name, the second
   says that the signature is good; AT is the time of the collection, or of the
   timestamp, as 20261128160300:

     WHO=$(ssh-keygen -Y find-principals -f SIGNERS \
       -s tagmanifest-sha256.txt.sig)
     TZ=UTC ssh-keygen -Y verify -f SIGNERS -I "$WHO" -n kube-hipaa \
       -O verify-time=AT -s tagmanifest-sha256.txt.sig \
       < tagmanifest-sha256.txt

7. The timestamp is the answer of a timestamp authority (RFC 3161). CA.pem holds
   its root certificate, got from the authority. The first command prints the
   time, the second `Verification: OK`; add `-attime` with that time in seconds
   since 1970 when the certificates have expired since:

     openssl ts -reply -in tagmanifest-sha256.txt.tsr -text
     openssl ts -verify -data tagmanifest-sha256.txt \
       -in tagmanifest-sha256.txt.tsr -CAfile CA.pem
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_a_terminal_and_says_which_cluster() {
        let text = written(&About {
            version: String::new(),
            cluster: "clinic".to_owned(),
            uid: None,
            started: "then".to_owned(),
            finished: "later".to_owned(),
        });
        assert!(text.contains("Cluster    clinic\n") && text.contains("then to later") && !text.contains("{cluster}"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80));
    }
}
