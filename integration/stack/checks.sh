# Sourced by the test: what is asked of the stack, and what must be the answer.

web=http://127.0.0.1:8080
traced=0af7651916cd43dd8448eb211c80319c

show_state() {
  [ -n "${files:-}" ] || return 0
  compose 20 ps --all
  compose 20 logs --tail 30
}

# What a service is, as docker inspect tells it.
inspect() { "$docker" inspect --format "$2" "$(compose 20 ps --all --quiet "$1")"; }

# A number of an agent's metrics, the sum of all with this name.
metric() {
  curl -sS --max-time 5 "http://127.0.0.1:$1/metrics" |
    awk -v name="$2" '$1 ~ "^" name "({|$)" { sum += $2 } END { print sum + 0 }'
}

check_files() {
  local file
  for file in haproxy-2.6 haproxy-3.0; do
    files=(-f docker-compose.yml -f docker-compose.$file.yml)
    compose 20 config --quiet || fail "docker-compose.$file.yml"
    files=(-f docker-compose.slim.yml -f docker-compose.$file.yml)
    compose 20 config --quiet || fail "docker-compose.slim.yml with docker-compose.$file.yml"
  done
  files=()
}

check_build() {
  local said
  said=$("$docker" run --rm --network none spoa-agent --version) || fail "the image does not run"
  [ "$("$docker" image inspect --format '{{.Config.User}}' spoa-agent)" = 65532:65532 ] || fail "it has another user"
  ! "$docker" run --rm --network none --entrypoint /bin/sh spoa-agent -c true 2>/dev/null || fail "the image has a shell"
  said+=", $("$docker" image inspect --format '{{.Size}}' spoa-agent | awk '{ print int($1 / 1e6) }') MB"
  echo "  $said"
  proven+=("the Dockerfile builds an image that runs without a shell: $said")
}

# What the build has made of the crates is there again for sources and pages that are edited.
check_layers() {
  local edited=$data/edited file step
  mkdir "$edited"
  tar --create --exclude=target Dockerfile .dockerignore Cargo.* actors agent examples integration |
    tar --extract --directory "$edited"
  for file in agent/src/main.rs agent/src/admin/page/page.js; do echo "// Edited." >>"$edited/$file"; done
  DOCKER_BUILDKIT=1 "$docker" build --network host --target crates --progress plain "$edited" >"$run/layers.log" 2>&1 ||
    { cat "$run/layers.log" >&2; fail "docker build --target crates"; }
  step=$(sed -n 's/^\(#[0-9]*\) .* RUN cargo build .*/\1/p' "$run/layers.log" | sort -u)
  grep -qx "$step CACHED" "$run/layers.log" || { cat "$run/layers.log" >&2; fail "crates are compiled again"; }
  proven+=("an edited source or page does not compile the crates again")
}

# The HEALTHCHECK of the image, for agents that listen elsewhere than it does by default.
check_discovery() {
  local options id certificates=$run/certificates
  mkdir "$certificates"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=agent -keyout "$certificates/key.pem" \
    -out "$certificates/cert.pem" 2>/dev/null || fail "openssl"
  chmod -R a+rX "$certificates"
  for options in "--listen 127.0.0.1:0" "--listen 127.0.0.1:0 --proxy-protocol" "--unix /sockets/agent.sock" \
    "--listen 0.0.0.0:12346 --tls-cert /certificates/cert.pem --tls-key /certificates/key.pem"; do
    # shellcheck disable=SC2086
    id=$("$docker" run --detach --read-only --cap-drop ALL --security-opt no-new-privileges:true --network none \
      --tmpfs /sockets:uid=65532 \
      --volume "$certificates:/certificates:ro" spoa-agent run $options) || fail "docker run, $options"
    until_true 30 container_is "$id" healthy || { "$docker" logs "$id" >&2; fail "it is not healthy: $options"; }
    "$docker" exec "$id" spoa-agent healthcheck | grep '^healthy: ' || fail "it is healthy by luck: $options"
    "$docker" rm --force "$id" >/dev/null
  done
  proven+=("the image's health check finds the agent on any port, on a UNIX socket, behind TLS and a PROXY header, read-only")
}

container_is() { [ "$("$docker" inspect --format '{{.State.Health.Status}}' "$1")" = "$2" ]; }

check_stack() {
  local version
  check_answer
  version=$(haproxy_version) || fail "haproxy -v"
  proven+=("HAProxy $version: curl -i localhost:8080 shows x-ip-score, and the backend gets it and a traceparent of the trace")
  check_confinement
  proven+=("no process is root's, has a capability or may write outside of its tmpfs; ports are on 127.0.0.1 alone")
  check_work
  proven+=("both agents get work")
  until_true 60 trace_arrived || fail "the span $span has not come to the receiver of OTLP"
  proven+=("that span arrives by OTLP, where the collector would be")
  until_true 60 targets_up ||
    fail "Prometheus does not see two agents: $(curl -sS --max-time 5 http://127.0.0.1:9090/api/v1/targets)"
  proven+=("Prometheus scrapes both agents")
  curl -sSf --max-time 5 -o "$run/page" http://127.0.0.1:9901/ || fail "no page on port 9901"
  grep -qi '<html' "$run/page" || fail "no page on port 9901"
  curl -sSf --max-time 5 http://127.0.0.1:9902/readyz >/dev/null || fail "no admin endpoint on port 9902"
  proven+=("the agents' pages are on 9901 and 9902")
}

check_answer() {
  local parent=b7ad6b7169203331 answer
  answer=$(curl -sSi --max-time 10 -H "traceparent: 00-$traced-$parent-01" "$web") || fail "no answer on port 8080"
  printf '%s\n' "$answer" | sed 's/^/  | /'
  grep -q '^HTTP/1.1 200' <<<"$answer" || fail "not 200"
  [ "$(grep -ci '^x-ip-score: 10' <<<"$answer")" = 2 ] || fail "no x-ip-score for the client, or none for the backend"
  span=$(sed -nE "s/^traceparent: 00-$traced-([0-9a-f]{16})-01.*/\1/Ip" <<<"$answer")
  [ -n "$span" ] || fail "the backend has no part in the trace"
  [ "$span" != "$parent" ] || fail "the backend's parent is the client's span, not the agent's"
}

# A process, and all that it has started.
family() {
  local child
  echo "$1"
  for child in $(pgrep -P "$1"); do family "$child"; done
}

check_confinement() {
  local services service processes process status ports
  services=$(compose 20 ps --services) && [ -n "$services" ] || fail "docker compose ps"
  for service in $services; do
    processes=$(family "$(inspect "$service" '{{.State.Pid}}')")
    for process in $processes; do
      status=$(cat "/proc/$process/status") || fail "a process of $service has gone"
      grep -qE '^Uid:(\s[1-9][0-9]*){4}$' <<<"$status" || fail "$service runs as root"
      [ "$(grep -cE '^Cap...:\s0{16}$' <<<"$status")" = 5 ] || fail "$service has capabilities"
      grep -qE '^NoNewPrivs:\s1$' <<<"$status" || fail "$service may get new privileges"
    done
    [ "$service" != haproxy ] || [ "$(wc -w <<<"$processes")" = 2 ] || fail "HAProxy is not a master and its worker"
    [ "$(inspect "$service" '{{.HostConfig.ReadonlyRootfs}}')" = true ] || fail "$service may write to its root"
    [ "$(inspect "$service" '{{.HostConfig.RestartPolicy.Name}}')" = unless-stopped ] ||
      fail "$service is not restarted"
    ports=$(inspect "$service" '{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}} {{end}}{{end}}') ||
      fail "docker inspect $service"
    [[ $ports =~ ^(127\.0\.0\.1 )*$ ]] || fail "$service is published beyond loopback: $ports"
  done
  for service in haproxy agent-1 agent-2; do
    [ "$(inspect "$service" '{{.State.Health.Status}}')" = healthy ] || fail "$service is not healthy"
  done
}

check_work() {
  local port notifies
  curl -sS --max-time 30 -o /dev/null "$web/?[1-40]" || fail "40 requests"
  for port in 9901 9902; do
    notifies=$(metric $port spoa_notifies_total)
    echo "  the agent of port $port has got $notifies NOTIFYs"
    [ "$notifies" -ge 10 ] || fail "these are too few of 41"
  done
}

trace_arrived() {
  compose 20 logs --no-log-prefix collector >"$run/spans" 2>&1 && grep -q "  ID *: $span" "$run/spans"
}

targets_up() {
  local said
  said=$(curl -sS --max-time 5 --get --data-urlencode 'query=sum(up{job="spoa-agent"})' \
    http://127.0.0.1:9090/api/v1/query) && [[ $said == *',"2"]'* ]]
}

# Four clients in closed loops, two of which open a connection for each request; some 100 requests a second.
start_clients() {
  local number close
  for number in 1 2 3 4; do
    close=()
    [ $((number % 2)) = 0 ] || close=(-H "connection: close")
    stdbuf -oL curl -sS --max-time 5 --rate 25/s "${close[@]}" -o /dev/null -w '%{http_code} %header{x-ip-score}\n' \
      "$web/?client=$number&[1-100000]" >"$run/client.$number" 2>&1 &
    clients+=($!)
  done
}

stop_clients() {
  [ ${#clients[@]} -gt 0 ] || return 0
  kill "${clients[@]}" 2>/dev/null || true
  wait "${clients[@]}" 2>/dev/null || true
  clients=()
}

answered() { cat "$run"/client.* | wc -l; }
answered_beyond() { [ "$(answered)" -gt "$1" ]; }
got_work() { [ "$(metric "$1" spoa_notifies_total)" -gt "$2" ]; }
is_healthy() { [ "$(inspect "$1" '{{.State.Health.Status}}')" = healthy ]; }

check_restart() {
  local before all wrong
  start_clients
  until_true 20 answered_beyond 100 || fail "the clients get no answers"
  compose 60 stop agent-1 >/dev/null 2>&1 || fail "docker compose stop agent-1"
  [ "$(inspect agent-1 '{{.State.ExitCode}}')" = 0 ] || fail "the agent has not ended with exit code 0"
  before=$(metric 9902 spoa_notifies_total)
  until_true 20 got_work 9902 $((before + 100)) || fail "the other agent does not take over"
  compose 60 start agent-1 >/dev/null 2>&1 || fail "docker compose start agent-1"
  until_true 60 is_healthy agent-1 || fail "the agent is not healthy again"
  until_true 30 got_work 9901 100 || fail "the agent gets no work again"
  stop_clients
  all=$(answered)
  wrong=$(cat "$run"/client.* | grep -cv '^200 10$') || true
  [ "$wrong" = 0 ] || { cat "$run"/client.* | sort | uniq -c >&2; fail "$wrong of $all requests had no score"; }
  echo "  $all requests, each with its score"
  proven+=("an agent stopped (exit code 0) and started under load: $all requests of 4 clients, each 200 with its score")
}

haproxy_version() { compose 20 exec -T haproxy haproxy -v | sed -n 's/^HAProxy version \([^ ]*\).*/\1/p'; }

healthz() { compose 20 exec -T haproxy wget -q -O /dev/null http://127.0.0.1:8404/healthz >/dev/null 2>&1; }
no_healthz() { ! healthz; }

# Of the container's health check.
check_health() {
  healthz || fail "HAProxy says that it is not healthy"
  compose 20 kill agent-1 agent-2 >/dev/null 2>&1 || fail "docker compose kill"
  until_true 20 no_healthz || fail "HAProxy says that it is healthy without an agent"
}

# As `down` does, and the public images ask for: SIGUSR1 to the master.
check_soft_stop() {
  compose 20 stop haproxy >/dev/null 2>&1 || fail "docker compose stop haproxy"
  [ "$(inspect haproxy '{{.State.ExitCode}}')" = 0 ] || fail "HAProxy has not ended by itself"
}

check_slim() {
  local version
  curl -sSi --max-time 10 "$web" >"$run/answer" || fail "no answer on port 8080"
  [ "$(grep -ci '^x-ip-score: 10' "$run/answer")" = 2 ] || { cat "$run/answer" >&2; fail "no score behind HAProxy $1"; }
  version=$(haproxy_version) && [[ $version == $1.* ]] || fail "this is not HAProxy $1"
  proven+=("docker-compose.slim.yml with docker-compose.haproxy-$1.yml, here HAProxy $version, is healthy and shows the score")
}
