#!/usr/bin/env bash
# One-machine Slurm for tests, which needs no systemd, cgroups or database and writes only below DIR.
#   slurm_local.sh start DIR     writes the configuration, starts munged, slurmctld and slurmd, and waits for the node
#   slurm_local.sh restart DIR   stops slurmctld and slurmd and starts them again; jobs survive
#   slurm_local.sh stop DIR      stops the daemons that were started, by their process ids
# Debian has the programs: apt-get install -y --no-install-recommends slurm-wlm munge
# Jobs of partition `high` preempt those of `low`, as SLURM_LOCAL_PREEMPT says: REQUEUE or CANCEL.
set -euo pipefail
cmd=${1:?start, restart or stop}
D=$(realpath -m "${2:?a folder}")
PATH=$PATH:/usr/sbin:/sbin
CTLD_PORT=${SLURM_LOCAL_CTLD_PORT:-16817}
SLURMD_PORT=${SLURM_LOCAL_SLURMD_PORT:-16818}
CPUS=${SLURM_LOCAL_CPUS:-8}             # may exceed those of the machine: SlurmdParameters=config_overrides
MEM=${SLURM_LOCAL_MEM_MB:-64000}
PREEMPT=${SLURM_LOCAL_PREEMPT:-REQUEUE}
H=$(hostname -s); U=$(id -un)

daemons() {
  slurmctld -f "$D/slurm.conf"
  slurmd    -f "$D/slurm.conf"
  for _ in $(seq 150); do
    s=$(sinfo -h -o %t 2>/dev/null | head -n 1 || true)
    case $s in idle|mix|alloc) return 0;; esac
    sleep 0.1
  done
  echo "slurm did not come up: state '$s'" >&2; tail -n 20 "$D"/log/*.log "$D"/munge/munged.log >&2; exit 1
}

# end FILE...: stops the processes whose ids the files hold
end() {
  for f in "$@"; do
    [ -s "$f" ] || continue
    p=$(cat "$f"); kill "$p" 2>/dev/null || continue
    for _ in $(seq 100); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
    kill -0 "$p" 2>/dev/null && kill -9 "$p" || true
  done
}

export SLURM_CONF=$D/slurm.conf
case $cmd in
start)
  mkdir -p "$D"/{munge,state,spool,log}; chmod 700 "$D/munge"; chmod 755 "$D"
  if [ ! -s "$D/munge/key" ]; then ( umask 077; head -c 1024 /dev/urandom > "$D/munge/key" ); fi
  cat > "$D/slurm.conf" <<CONF
ClusterName=local
SlurmctldHost=$H(127.0.0.1)
SlurmUser=$U
SlurmdUser=$U
SlurmctldPort=$CTLD_PORT
SlurmdPort=$SLURMD_PORT
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$D/munge/munge.socket,cred_expire=5   # requeued jobs are held for cred_expire+1 s (default 120)
StateSaveLocation=$D/state
SlurmdSpoolDir=$D/spool
SlurmctldPidFile=$D/slurmctld.pid
SlurmdPidFile=$D/slurmd.pid
SlurmctldLogFile=$D/log/slurmctld.log
SlurmdLogFile=$D/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$D/jobcomp.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=$PREEMPT
MpiDefault=none
ReturnToService=2
JobRequeue=1
MinJobAge=3600
MaxArraySize=${SLURM_LOCAL_MAX_ARRAY:-1001}
MaxJobCount=20000
InactiveLimit=0
KillWait=${SLURM_LOCAL_KILL_WAIT:-10}
SlurmctldTimeout=30
SlurmdTimeout=60
SlurmctldDebug=info
SlurmdDebug=info
SlurmdParameters=config_overrides
${SLURM_LOCAL_MORE-RequeueExit=75}
NodeName=$H NodeAddr=127.0.0.1 CPUs=$CPUS RealMemory=$MEM State=UNKNOWN
PartitionName=low Nodes=$H Default=YES MaxTime=08:00:00 PriorityTier=1 State=UP
PartitionName=high Nodes=$H MaxTime=08:00:00 PriorityTier=10 PreemptMode=OFF State=UP
CONF
  munged --force --key-file="$D/munge/key" --socket="$D/munge/munge.socket" --pid-file="$D/munge/munged.pid" \
         --log-file="$D/munge/munged.log" --seed-file="$D/munge/munged.seed"
  daemons;;
restart)
  end "$D/slurmd.pid" "$D/slurmctld.pid"
  daemons;;
stop)
  end "$D/slurmd.pid" "$D/slurmctld.pid" "$D/munge/munged.pid";;
esac
