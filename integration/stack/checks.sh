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
  said+=", $("$docker" image inspect --format '{{.Size}}' spoa-agent | awk '{ print int($1 / 1e6) }') MB"
  echo "  $said"
  proven+=("the Dockerfile builds an image that runs without a shell: $said")
}

check_stack() {
  check_answer
  proven+=("curl -i localhost:8080 shows x-ip-score, and the backend gets it and a traceparent of the request's trace")
  check_confinement
  proven+=("no process is root's, has a capability or may write outside of its tmpfs; ports are on 127.0.0.1 alone")
  check_work
  proven+=("both agents get work")
  until_true 60 trace_arrived || fail "no span of trace $traced has come to the receiver of OTLP"
  proven+=("the agent's span of that trace arrives by OTLP, where the collector would be")
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
  grep -qiE "^traceparent: 00-$traced-[0-9a-f]{16}-01" <<<"$answer" || fail "the backend has no part in the trace"
  ! grep -qi "$traced-$parent" <<<"$answer" || fail "the backend's parent is the client's span, not the agent's"
}

check_confinement() {
  local service pid ports
  for service in $(compose 20 ps --services); do
    pid=$(inspect "$service" '{{.State.Pid}}')
    [ "$(stat --format %u "/proc/$pid")" != 0 ] || fail "$service runs as root"
    [ "$(awk '/^(CapEff|CapPrm|CapBnd):/ { print $2 }' "/proc/$pid/status" | sort -u)" = 0000000000000000 ] ||
      fail "$service has capabilities"
    grep -q '^NoNewPrivs:.*1$' "/proc/$pid/status" || fail "$service may get new privileges"
    [ "$(inspect "$service" '{{.HostConfig.ReadonlyRootfs}}')" = true ] || fail "$service may write to its root"
    [ "$(inspect "$service" '{{.HostConfig.RestartPolicy.Name}}')" = unless-stopped ] ||
      fail "$service is not restarted"
    ports=$(inspect "$service" '{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}} {{end}}{{end}}')
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
  compose 20 logs --no-log-prefix collector >"$run/spans" 2>&1 && grep -qi "$traced" "$run/spans"
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

check_slim() {
  curl -sSi --max-time 10 "$web" >"$run/answer" || fail "no answer on port 8080"
  [ "$(grep -ci '^x-ip-score: 10' "$run/answer")" = 2 ] || { cat "$run/answer" >&2; fail "no score behind HAProxy $1"; }
  compose 20 exec -T haproxy haproxy -v | grep "version $1" || fail "this is not HAProxy $1"
  proven+=("docker-compose.slim.yml with docker-compose.haproxy-$1.yml is healthy and shows the score")
}
