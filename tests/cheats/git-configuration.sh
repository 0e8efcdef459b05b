# Plants a configuration of git.
cat > /dev/null
printf '[core]\n\tfsmonitor = touch x\n' >> .git/config
