# Gives a file of the operator a second name here.
cat > /dev/null
ln "$HOME/canary" kept.txt
