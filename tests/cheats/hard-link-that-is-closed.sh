# Closes a file of the operator by its second name.
cat > /dev/null
ln "$HOME/canary" kept.txt; chmod 0 kept.txt
