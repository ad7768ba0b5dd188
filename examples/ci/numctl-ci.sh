#!/usr/bin/env bash
# What the CI examples run, on GitHub and on GitLab. It needs bash, git, jq, numctl, and gh or glab.
#
#   numctl-ci.sh plan          plan.json, and comment.md for people; outputs `state` and `digest`
#   numctl-ci.sh comment       one comment on the pull or merge request, updated in place
#   numctl-ci.sh apply         carries out plan.json as it was shown; ACCEPT lifts the limits for that digest only
#   numctl-ci.sh drift-issue   opens, updates or closes the one issue about drift
#   numctl-ci.sh load | save   journal and state, from and to the branch numctl-state
#
# `state` is none, changes, refused (beyond a limit: a person has to accept the digest) or error.
set -euo pipefail

FLEET=${FLEET:-fleet.yaml}
STATE_DIR=${STATE_DIR:-numctl-state}
MARKER='<!-- numctl-plan -->'
LABEL=numctl-drift
# GitHub takes 65,536 characters, GitLab a million.
COMMENT_BYTES_MAX=60000

is_gitlab() { [ -n "${GITLAB_CI:-}" ]; }

plan() {
    local code=0 state digest=''
    rm -f plan.json
    numctl plan -f "$FLEET" --state-dir "$STATE_DIR" --out plan.json --detailed-exitcode --format markdown \
        >plan.md 2>plan.err || code=$?
    cat plan.err >&2
    case $code in
        0) state=none ;;
        2) state=changes ;;
        *) state=error ;;
    esac
    if [ $state = changes ]; then
        digest=$(jq -r .digest plan.json)
        # The plan says so itself, outside of any foreign text.
        if grep -Eq "^> To apply exactly this plan, and no other: \`numctl apply --accept $digest\`$" plan.md; then
            state=refused
        fi
    fi
    {
        echo "$MARKER"
        if [ $state = error ]; then
            echo "### The plan failed"
            echo
            # Indented, so that no text of the file acts here.
            sed 's/^/    /' plan.err
        else
            cat plan.md
        fi
    } | head -c $COMMENT_BYTES_MAX >comment.md
    printf 'state=%s\ndigest=%s\n' "$state" "$digest" >plan.env
    [ -z "${GITHUB_OUTPUT:-}" ] || cat plan.env >>"$GITHUB_OUTPUT"
    [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat comment.md >>"$GITHUB_STEP_SUMMARY"
    # The comment comes first, so that people see why there is no plan. `check` fails the job.
}

check() { ! grep -q '^state=error$' plan.env; }

# Only our own comment: anyone can write the marker.
comment() {
    local id
    if is_gitlab; then
        local notes="projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes" me
        me=$(glab api user | jq -r .username)
        id=$(glab api --paginate "$notes?per_page=100" | jq -r --arg me "$me" --arg marker "$MARKER" \
            '.[] | select(.author.username == $me and (.body | startswith($marker))) | .id' | head -n 1)
        if [ -n "$id" ]; then
            glab api --method PUT "$notes/$id" --field "body=@comment.md" >/dev/null
        else
            glab api --method POST "$notes" --field "body=@comment.md" >/dev/null
        fi
    else
        local issue="repos/$GITHUB_REPOSITORY/issues" me=${COMMENTER:-github-actions[bot]}
        id=$(gh api --paginate "$issue/$PULL_REQUEST/comments?per_page=100" | jq -r --arg me "$me" --arg marker "$MARKER" \
            '.[] | select(.user.login == $me and (.body | startswith($marker))) | .id' | head -n 1)
        if [ -n "$id" ]; then
            gh api --method PATCH "$issue/comments/$id" --field "body=@comment.md" >/dev/null
        else
            gh api --method POST "$issue/$PULL_REQUEST/comments" --field "body=@comment.md" >/dev/null
        fi
    fi
}

apply() {
    local accept=()
    [ -z "${ACCEPT:-}" ] || accept=(--accept "$ACCEPT")
    numctl apply plan.json --yes --state-dir "$STATE_DIR" "${accept[@]}"
}

# One issue while something differs; closed once nothing does.
drift_issue() {
    local id state
    state=$(sed -n 's/^state=//p' plan.env)
    if is_gitlab; then
        local issues="projects/$CI_PROJECT_ID/issues"
        id=$(glab api "$issues?labels=$LABEL&state=opened" | jq -r '.[0].iid // empty')
        case "$state:$id" in
            none:) ;;
            none:*) glab api --method PUT "$issues/$id" --field state_event=close >/dev/null ;;
            *:) glab api --method POST "$issues" --field "title=The numbers are not as declared" \
                --field labels=$LABEL --field "description=@comment.md" >/dev/null ;;
            *) glab api --method PUT "$issues/$id" --field "description=@comment.md" >/dev/null ;;
        esac
    else
        local issues="repos/$GITHUB_REPOSITORY/issues"
        id=$(gh api "$issues?labels=$LABEL&state=open" | jq -r '.[0].number // empty')
        case "$state:$id" in
            none:) ;;
            none:*) gh api --method PATCH "$issues/$id" --field state=closed >/dev/null ;;
            *:) gh api --method POST "$issues" --field "title=The numbers are not as declared" \
                --field "labels[]=$LABEL" --field "body=@comment.md" >/dev/null ;;
            *) gh api --method PATCH "$issues/$id" --field "body=@comment.md" >/dev/null ;;
        esac
    fi
}

# The branch is read and written with the job's own token, which no argument shows.
remote() {
    if [ -n "${STATE_REMOTE:-}" ]; then
        echo "$STATE_REMOTE"
    elif is_gitlab; then
        echo "$CI_SERVER_URL/$CI_PROJECT_PATH.git"
    else
        echo "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY.git"
    fi
}
with_token() {
    local user=x-access-token token=${GH_TOKEN:-}
    if is_gitlab; then user=numctl token=${GITLAB_TOKEN:-}; fi
    GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.extraHeader \
        GIT_CONFIG_VALUE_0="Authorization: Basic $(printf '%s:%s' "$user" "$token" | base64 | tr -d '\n')" "$@"
}

load() {
    rm -rf "$STATE_DIR"
    if with_token git ls-remote --exit-code --heads "$(remote)" numctl-state >/dev/null; then
        with_token git clone --quiet --depth 1 --branch numctl-state "$(remote)" "$STATE_DIR"
    else
        # Exit code 2: there is no such branch yet. Anything else is an error, and no empty journal.
        local code=0
        with_token git ls-remote --exit-code --heads "$(remote)" numctl-state >/dev/null || code=$?
        [ $code = 2 ] || exit $code
        git init --quiet --initial-branch numctl-state "$STATE_DIR"
        git -C "$STATE_DIR" remote add origin "$(remote)"
    fi
}

save() {
    git -C "$STATE_DIR" add --all .
    git -C "$STATE_DIR" diff --cached --quiet && return
    git -C "$STATE_DIR" -c user.name=numctl -c user.email=numctl@localhost commit --quiet \
        --message "State after ${GITHUB_RUN_ID:-${CI_JOB_ID:-a run}}"
    with_token git -C "$STATE_DIR" push --quiet origin HEAD:numctl-state
}

case ${1:-} in
    plan | check | comment | apply | load | save) "$1" ;;
    drift-issue) drift_issue ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
        exit 64
        ;;
esac
