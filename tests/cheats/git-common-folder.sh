# Leads git to another configuration.
cat > /dev/null
mkdir -p vendor/x; printf "[core]\n\tfsmonitor = touch x\n" > vendor/x/config; echo ../vendor/x > .git/commondir
