#!/usr/bin/env python3
"""A made-up gh and glab: `api` on comments, notes and issues, which last in $FORGE. No more than the CI examples use."""
import json, os, re, sys
from urllib.parse import parse_qs, urlsplit

is_gitlab = os.path.basename(sys.argv[0]) == "glab"
path_of_state = os.environ["FORGE"]
state = json.load(open(path_of_state)) if os.path.exists(path_of_state) else {"notes": [], "issues": [], "calls": []}
args = sys.argv[1:]
assert args.pop(0) == "api", sys.argv
method, path, fields = "GET", None, {}
while args:
    word = args.pop(0)
    if word == "--paginate":
        continue
    if word == "--method":
        method = args.pop(0)
    elif word == "--field":
        key, value = args.pop(0).split("=", 1)
        fields[key] = open(value[1:]).read() if value.startswith("@") else value
    else:
        assert path is None, sys.argv
        path = word
url = urlsplit(path)
query = parse_qs(url.query)
state["calls"].append(f"{method} {url.path}")
me = {"username": "project_bot"} if is_gitlab else {"login": "github-actions[bot]"}
who = "author" if is_gitlab else "user"


def change(things, key, number):
    thing = next(thing for thing in things if thing[key] == int(number))
    thing.update(fields)
    if fields.get("state_event") == "close":
        thing["state"] = "closed"
    return thing


def answer():
    if url.path == "user":
        return me
    if is_gitlab:
        notes, one_note = r"projects/7/merge_requests/3/notes", r"projects/7/merge_requests/3/notes/(\d+)"
        issues, one_issue, number = r"projects/7/issues", r"projects/7/issues/(\d+)", "iid"
    else:
        notes, one_note = r"repos/acme/numbers/issues/3/comments", r"repos/acme/numbers/issues/comments/(\d+)"
        issues, one_issue, number = r"repos/acme/numbers/issues", r"repos/acme/numbers/issues/(\d+)", "number"
    change_with = "PUT" if is_gitlab else "PATCH"
    if re.fullmatch(notes, url.path):
        if method == "POST":
            state["notes"].append({"id": 10 + len(state["notes"]), who: me, **fields})
        return state["notes"]
    if match := re.fullmatch(one_note, url.path):
        assert method == change_with, method
        return change(state["notes"], "id", match[1])
    if re.fullmatch(issues, url.path):
        if method == "POST":
            assert fields.get("labels") == "numctl-drift" or fields.get("labels[]") == "numctl-drift", fields
            state["issues"].append({number: 1 + len(state["issues"]), "state": "open", **fields})
        assert method == "POST" or query["labels"] == ["numctl-drift"], query
        return [issue for issue in state["issues"] if issue["state"] == "open"]
    if match := re.fullmatch(one_issue, url.path):
        assert method == change_with, method
        return change(state["issues"], number, match[1])
    raise SystemExit(f"nothing at {method} {url.path}")


said = answer()
json.dump(state, open(path_of_state, "w"))
json.dump(said, sys.stdout)
