# Completion of deskctl for bash, written by 'deskctl completion bash'; don't edit.
_deskctl() {
    local current=${COMP_WORDS[COMP_CWORD]} line='' offer='' leaf='' word i
    for ((i = 1; i < COMP_CWORD && i < 3; i++)); do
        word=${COMP_WORDS[i]}
        case $word in -*) break ;; esac
        line=${line:+$line }$word
        case $line in login|logout|whoami|password|overview|doctor|events|ca|completion|help) break ;; esac
    done
    case $line in
    'login') leaf=1 offer=' --username --password-stdin --new-password-stdin --ca --fingerprint --profile --json --quiet --help' ;;
    'logout') leaf=1 offer=' --profile --json --quiet --help' ;;
    'whoami') leaf=1 offer=' --profile --json --quiet --help' ;;
    'password') leaf=1 offer=' --password-stdin --profile --json --quiet --help' ;;
    'overview') leaf=1 offer=' --hours --profile --json --quiet --help' ;;
    'doctor') leaf=1 offer=' --columns --no-header --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'events') leaf=1 offer=' --since --profile --json --quiet --help' ;;
    'ca') leaf=1 offer=' --out --profile --json --quiet --help' ;;
    'completion') leaf=1 offer=' --profile --json --quiet --help' ;;
    'help') leaf=1 offer=' --manual --profile --json --quiet --help' ;;
    'desktop mine') leaf=1 offer=' --columns --no-header --profile --json --quiet --help' ;;
    'desktop connect') leaf=1 offer=' --rdp --spice --console --open --out --fullscreen --size --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'desktop list') leaf=1 offer=' --department --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'desktop show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'desktop start') leaf=1 offer=' --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'desktop shutdown') leaf=1 offer=' --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'desktop reboot') leaf=1 offer=' --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'desktop power-off') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'desktop rebuild') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'desktop resize') leaf=1 offer=' --vcpus --memory --disk --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'desktop migrate') leaf=1 offer=' --host --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'desktop edit') leaf=1 offer=' --name --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'desktop stats') leaf=1 offer=' --profile --json --quiet --help' ;;
    'desktop screenshot') leaf=1 offer=' --out --profile --json --quiet --help' ;;
    'desktop delete') leaf=1 offer=' --personal-disk --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'desktop') offer=' mine connect list show start shutdown reboot power-off rebuild resize migrate edit stats screenshot delete' ;;
    'disk list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'disk show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'disk grow') leaf=1 offer=' --to --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'disk move') leaf=1 offer=' --pool --profile --json --quiet --help' ;;
    'disk delete') leaf=1 offer=' --yes --profile --json --quiet --help' ;;
    'disk') offer=' list show grow move delete' ;;
    'restore-point list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'restore-point show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'restore-point make') leaf=1 offer=' --note --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'restore-point back') leaf=1 offer=' --system --personal --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'restore-point files') leaf=1 offer=' --disk --columns --no-header --profile --json --quiet --help' ;;
    'restore-point get') leaf=1 offer=' --disk --output --profile --json --quiet --help' ;;
    'restore-point give-back') leaf=1 offer=' --disk --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'restore-point delete') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'restore-point') offer=' list show make back files get give-back delete' ;;
    'backup list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'backup show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'backup make') leaf=1 offer=' --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'backup restore') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'backup verify') leaf=1 offer=' --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'backup delete') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'backup status') leaf=1 offer=' --profile --json --quiet --help' ;;
    'backup') offer=' list show make restore verify delete status' ;;
    'session list') leaf=1 offer=' --department --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'session show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'session disconnect') leaf=1 offer=' --yes --profile --json --quiet --help' ;;
    'session') offer=' list show disconnect' ;;
    'user list') leaf=1 offer=' --department --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'user show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'user add') leaf=1 offer=' --name --number --email --role --language --department --password-stdin --no-password --profile --json --quiet --help' ;;
    'user edit') leaf=1 offer=' --name --number --email --role --language --profile --json --quiet --help' ;;
    'user delete') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'user disable') leaf=1 offer=' --yes --profile --json --quiet --help' ;;
    'user enable') leaf=1 offer=' --profile --json --quiet --help' ;;
    'user reset-password') leaf=1 offer=' --yes --profile --json --quiet --help' ;;
    'user import') leaf=1 offer=' --dry-run --partial --passwords --sheet --columns --no-header --profile --json --quiet --help' ;;
    'user export') leaf=1 offer=' --out --profile --json --quiet --help' ;;
    'user') offer=' list show add edit delete disable enable reset-password import export' ;;
    'department list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'department show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'department add') leaf=1 offer=' --number --unit --founded --network --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'department edit') leaf=1 offer=' --name --number --unit --founded --network --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'department delete') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'department member') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'department manager') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'department') offer=' list show add edit delete member manager' ;;
    'pool list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'pool show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'pool add') leaf=1 offer=' --template --network --disk --instant --personal-disk --max --description --min-ready --warm --power --follow --rollout --policy --kind --vcpus --memory --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'pool edit') leaf=1 offer=' --name --template --network --disk --instant --personal-disk --max --description --min-ready --warm --power --follow --rollout --policy --vcpus --memory --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'pool enable') leaf=1 offer=' --profile --json --quiet --help' ;;
    'pool disable') leaf=1 offer=' --profile --json --quiet --help' ;;
    'pool grants') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'pool grant') leaf=1 offer=' --department --user --profile --json --quiet --help' ;;
    'pool revoke') leaf=1 offer=' --department --user --yes --profile --json --quiet --help' ;;
    'pool handout') leaf=1 offer=' --department --user --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'pool delete') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'pool') offer=' list show add edit enable disable grants grant revoke handout delete' ;;
    'rollout list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'rollout start') leaf=1 offer=' --to --share --department --user --at-once --session --seconds --sample --keep-hours --replace-system-disks --profile --json --quiet --help' ;;
    'rollout show') leaf=1 offer=' --watch --profile --json --quiet --help' ;;
    'rollout pause') leaf=1 offer=' --profile --json --quiet --help' ;;
    'rollout resume') leaf=1 offer=' --profile --json --quiet --help' ;;
    'rollout back') leaf=1 offer=' --yes --profile --json --quiet --help' ;;
    'rollout') offer=' list start show pause resume back' ;;
    'template list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'template show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'template add') leaf=1 offer=' --os --description --firmware --access --profile --json --quiet --help' ;;
    'template create') leaf=1 offer=' --iso --os --disk --memory --cpus --drivers --network --description --firmware --access --open --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template finish') leaf=1 offer=' --workbench --notes --shutdown --force --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template change') leaf=1 offer=' --network --memory --cpus --disk --open --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template workbenches') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'template publish') leaf=1 offer=' --workbench --notes --shutdown --force --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template keep') leaf=1 offer=' --workbench --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template resume') leaf=1 offer=' --workbench --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template discard') leaf=1 offer=' --workbench --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'template import') leaf=1 offer=' --os --description --firmware --access --notes --on-server --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template edit') leaf=1 offer=' --name --os --description --profile --json --quiet --help' ;;
    'template versions') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'template users') leaf=1 offer=' --columns --no-header --profile --json --quiet --help' ;;
    'template note') leaf=1 offer=' --notes --profile --json --quiet --help' ;;
    'template check') leaf=1 offer=' --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template verify') leaf=1 offer=' --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template flatten') leaf=1 offer=' --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template ram') leaf=1 offer=' --vcpus --memory --delete --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'template delete-version') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'template delete') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'template') offer=' list show add create finish change workbenches publish keep resume discard import edit versions users note check verify flatten ram delete-version delete' ;;
    'media list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'media show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'media upload') leaf=1 offer=' --name --sha256 --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'media delete') leaf=1 offer=' --yes --profile --json --quiet --help' ;;
    'media') offer=' list show upload delete' ;;
    'network list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'network show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'network add') leaf=1 offer=' --cidr --gateway --first --last --mode --vlan --vni --isolated --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'network edit') leaf=1 offer=' --name --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'network addresses') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'network hosts') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'network delete') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'network') offer=' list show add edit addresses hosts delete' ;;
    'host list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'host show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'host add') leaf=1 offer=' --uri --reserve --vcpu-ratio --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'host edit') leaf=1 offer=' --name --reserve --vcpu-ratio --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'host maintenance') leaf=1 offer=' --profile --json --quiet --help' ;;
    'host drain') leaf=1 offer=' --parallel --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'host fence') leaf=1 offer=' --confirmed --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'host what-if') leaf=1 offer=' --columns --no-header --profile --json --quiet --help' ;;
    'host balance') leaf=1 offer=' --apply --spread --moves --columns --no-header --wait --no-wait --timeout --profile --json --quiet --help' ;;
    'host remove') leaf=1 offer=' --wait --no-wait --timeout --yes --profile --json --quiet --help' ;;
    'host') offer=' list show add edit maintenance drain fence what-if balance remove' ;;
    'gate list') leaf=1 offer=' --columns --no-header --profile --json --quiet --help' ;;
    'gate show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'gate drain') leaf=1 offer=' --undo --seconds --yes --profile --json --quiet --help' ;;
    'gate') offer=' list show drain' ;;
    'job list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'job show') leaf=1 offer=' --profile --json --quiet --help' ;;
    'job follow') leaf=1 offer=' --timeout --profile --json --quiet --help' ;;
    'job cancel') leaf=1 offer=' --yes --profile --json --quiet --help' ;;
    'job') offer=' list show follow cancel' ;;
    'audit list') leaf=1 offer=' --filter --search --sort --limit --all --columns --no-header --profile --json --quiet --help' ;;
    'audit') offer=' list' ;;
    'settings show') leaf=1 offer=' --columns --no-header --profile --json --quiet --help' ;;
    'settings set') leaf=1 offer=' --columns --no-header --profile --json --quiet --help' ;;
    'settings') offer=' show set' ;;
    '') offer=' desktop disk restore-point backup session user department pool rollout template media network host gate job audit settings login logout whoami password overview doctor events ca completion help --help --version' ;;
    esac
    # Names and files are left to the shell.
    [[ -n $leaf && $current != -* ]] && return
    mapfile -t COMPREPLY < <(compgen -W "$offer" -- "$current")
}
complete -o default -F _deskctl deskctl
