#compdef farm
# zsh completion of farm: farm itself says what may come next.
_farm() {
    local line word what files program=${(Q)words[1]}
    local -a offered begun
    while IFS= read -r line; do
        word=${line%%$'\t'*} what=${${line#$word}#$'\t'}
        case $line in
            (:files) files=yes ;;
            (*=) begun+=("${word//:/\\:}") ;; # a value follows: no space
            (*) offered+=("${word//:/\\:}:$what") ;;
        esac
    done < <("${program/#\~/$HOME}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    (( $#offered )) && _describe farm offered
    (( $#begun )) && _describe farm begun -S ''
    [[ -n $files ]] && _files
}
if [[ $funcstack[1] == _farm ]]; then
    _farm "$@" # loaded from $fpath
else
    compdef _farm farm
fi
