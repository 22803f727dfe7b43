# bash completion for midden(1)
_midden()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local verbs='summary top tree object path diff strings check suspects view export' common='--json --color= --no-pager --index= --no-index --threads= --help' verb=
    local i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        summary | top | tree | object | path | diff | strings | check | suspects | view | export) verb=${COMP_WORDS[i]}; break ;;
        esac
    done
    if [[ -z $verb ]]; then
        [[ ${COMP_WORDS[1]} == help && COMP_CWORD -gt 1 ]] || verbs+=' help --help --version'
        mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$current")
        return
    fi
    local options=$common keys=
    case $verb in
    summary) options+=' --where= --filter= --limit= --sort= --by= --interfaces --bytes' keys='retained shallow count name' ;;
    top) options+=' --where= --filter= --limit= --sort= --synthetic --bytes' keys='retained shallow distance' ;;
    tree) options+=' --where= --filter= --limit= --depth= --bytes' ;;
    object) options+=' --where= --filter= --limit= --bytes' ;;
    path) options+=' --where= --filter= --limit= --bytes' ;;
    diff) options+=' --where= --filter= --limit= --sort= --bytes' keys='delta_size delta added removed added_size removed_size grew name' ;;
    strings) options+=' --where= --filter= --limit= --sort= --bytes' keys='retained wasted shallow count' ;;
    check) options+=' --where= --filter= --max-count= --max-shallow= --max-retained= --max-growth= --junit= --interfaces --bytes' ;;
    suspects) options+=' --where= --filter= --limit= --bytes' ;;
    view) options='--where= --color= --bytes --index= --no-index --threads= --help' ;;
    export) options+=' --where= --filter= --columns= --html= --csv= --interfaces' ;;
    esac
    # bash cuts words at =
    [[ $current == '=' ]] && current=
    [[ $previous == '=' ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}
    case $previous in
    --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current"); return ;;
    --filter)
        mapfile -t COMPREPLY < <(compgen -W 'contexts detached event-handlers console duplicated-strings' -- "$current")
        return
        ;;
    --by) mapfile -t COMPREPLY < <(compgen -W 'class type site' -- "$current"); return ;;
    --sort) mapfile -t COMPREPLY < <(compgen -W "$keys" -- "$current"); return ;;
    --columns | --index) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    --junit | --html | --csv) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    --threads) mapfile -t COMPREPLY < <(compgen -W '0 1 2' -- "$current"); return ;;
    --limit | --depth | -n | --max-* | --where) return ;;
    esac
    if [[ $current == -?* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
        return
    fi
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -d -- "$current"; compgen -f -X '!*.heapsnapshot*' -- "$current")
}
complete -F _midden midden
