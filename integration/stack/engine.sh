# Sourced by the test: a Docker engine of its own, beside any other, in the namespaces of the test: its bridges, its
# rules, the ports that it publishes and its processes are not the host's.

# Starts it; $got has its programs, $run takes its sockets, $data its images. They run on the host's libc.
start_engine() {
  local bin=$got/engine/root/usr lib=$got/engine/root
  docker=$bin/bin/docker
  export DOCKER_HOST=unix://$run/docker.sock DOCKER_CONFIG=$got/engine/config
  # runc does not hand its environment to itself in a container.
  local libraries=$lib/usr/lib/$triplet:$lib/lib/$triplet
  PATH=$bin/sbin:$bin/bin:$PATH LD_LIBRARY_PATH=$libraries XTABLES_LIBDIR=$bin/lib/$triplet/xtables \
    dockerd --host "$DOCKER_HOST" \
    --storage-driver overlay2 --data-root "$data/engine" --exec-root "$run/exec" --pidfile "$run/dockerd.pid" \
    --userland-proxy-path "$bin/sbin/docker-proxy" >"$run/dockerd.log" 2>&1 &
  engine=$!
  until_true 60 engine_answers || {
    tail -n 20 "$run/dockerd.log" >&2
    unable "a Docker engine that starts: it needs overlay file systems, cgroups and network namespaces"
  }
}

engine_answers() {
  kill -0 "$engine" 2>/dev/null || return 2
  $docker version >/dev/null 2>&1
}

# Its containers end with it.
stop_engine() {
  [ -n "$engine" ] || return 0
  kill -TERM "$engine" 2>/dev/null || true
  until_true 30 engine_ended || kill -KILL "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
  engine=
}

engine_ended() { ! kill -0 "$engine" 2>/dev/null; }
