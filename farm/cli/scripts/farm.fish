# fish completion of farm: farm itself says what may come next.
function __farm_complete
    set -l done (commandline -opc)
    set -l typed (commandline -ct)
    for line in ($done[1] __complete fish $done[2..-1] "$typed" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$typed"
        else
            echo $line
        end
    end
end
complete -c farm -f -a '(__farm_complete)'
